import assert from "node:assert/strict";
import test from "node:test";
import { pages } from "./pages.js";

test("the last page has what is left", () => {
  assert.deepEqual(pages([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]]);
});
