const { settings } = require("./lib/settings.js");

require("node:http").createServer((_, res) => res.end("ok")).listen(settings().port);
