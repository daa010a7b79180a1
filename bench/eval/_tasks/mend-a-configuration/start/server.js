const { readFileSync } = require("node:fs");

let config;
try {
  config = JSON.parse(readFileSync("config/server.json", "utf8"));
} catch (e) {
  console.error(`config/server.json can't be used: ${e.message}`);
  process.exit(1);
}
const problems = [];
if (!Number.isInteger(config.port) || config.port < 1 || config.port > 65535) problems.push("port must be a number from 1 to 65535");
if (!["debug", "info", "error"].includes(config.logLevel)) problems.push("logLevel must be debug, info or error");
if (!Array.isArray(config.origins)) problems.push("origins must be a list");
if (problems.length > 0) {
  console.error(`config/server.json can't be used: ${problems.join("; ")}`);
  process.exit(1);
}
if (!process.argv.includes("--check")) require("node:http").createServer((_, res) => res.end("ok")).listen(config.port);
