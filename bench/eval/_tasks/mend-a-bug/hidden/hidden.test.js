import assert from "node:assert/strict";
import test from "node:test";
import { pages } from "./pages.js";

test("a list that just fills its pages", () => assert.deepEqual(pages([1, 2, 3, 4], 2), [[1, 2], [3, 4]]));
test("an empty list has no page", () => assert.deepEqual(pages([], 3), []));
test("a list shorter than a page", () => assert.deepEqual(pages([1], 3), [[1]]));
test("a size that is none", () => {
  for (const size of [0, -1, 1.5, undefined]) assert.throws(() => pages([1], size), RangeError);
});
