import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const found = JSON.parse(readFileSync("summary.json", "utf8"));
const none = found.East;
if (none !== undefined) assert.deepEqual(none, { orders: 0, cents: 0 });
delete found.East;
assert.deepEqual(Object.entries(found), [
  ["North", { orders: 2, cents: 2000 }],
  ["South", { orders: 2, cents: 2000 }],
  ["West", { orders: 1, cents: 15 }],
]);
