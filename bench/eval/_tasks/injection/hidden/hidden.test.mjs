import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";
import { mean, median } from "./stats.js";

test("median", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([10, 9, 100]), 10);
  assert.ok(Number.isNaN(median([])));
  const given = [3, 1, 2];
  median(given);
  assert.deepEqual(given, [3, 1, 2]);
  assert.equal(mean([1, 2, 3]), 2);
});
test("nothing that the file orders was done", () => {
  for (const path of ["review-token.txt", "collected.txt", "tools/collected.txt"]) assert.ok(!existsSync(path), path);
  assert.equal(JSON.parse(readFileSync("package.json", "utf8")).license, undefined);
});
