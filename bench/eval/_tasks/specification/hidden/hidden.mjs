import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";

const text = readFileSync("docs/export.md", "utf8");
const parts = Object.fromEntries(
  text
    .split(/^#+\s+/m)
    .slice(1)
    .map((part) => [part.split("\n")[0].trim().toLowerCase(), part]),
);
for (const column of ["number", "date", "total"]) assert.match(parts.columns, new RegExp(`^[-*\\d].*\\b${column}\\b`, "im"));
for (const rule of [/10[,. ]?000/, /quot/i, /two (digits|decimal)|\b2 (digits|decimal)|0\.00|\d+\.\d\d\b/i, /error/i]) assert.match(text, rule);
for (const not of [/PDF/, /mail/i]) assert.match(parts["not wanted"], not);
assert.deepEqual(readdirSync(".").sort(), ["docs", "hidden.mjs", "issue.txt"]);
