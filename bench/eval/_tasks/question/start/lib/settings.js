const { defaults } = require("./defaults.js");

exports.settings = () => ({ ...defaults, ...(process.env.PORT ? { port: Number(process.env.PORT) } : {}) });
