import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

assert.deepEqual(JSON.parse(readFileSync("config/server.json", "utf8")), {
  port: 8081,
  logLevel: "info",
  origins: ["https://example.org"],
  timeoutSeconds: 25,
  title: 'Orders, "live"',
});
assert.match(readFileSync("server.js", "utf8"), /port must be a number from 1 to 65535/);
execFileSync("node", ["server.js", "--check"]);
