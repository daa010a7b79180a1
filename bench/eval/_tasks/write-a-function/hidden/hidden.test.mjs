import assert from "node:assert/strict";
import test from "node:test";
import { slug } from "./slug.js";

for (const [text, wanted] of [
  ["Hello, World", "hello-world"],
  ["  Crème brûlée!  ", "creme-brulee"],
  ["a -- b", "a-b"],
  ["100% sure?", "100-sure"],
  ["Ünïcödé", "unicode"],
  ["-", "untitled"],
  ["", "untitled"],
  ["日本", "untitled"],
]) {
  test(JSON.stringify(text), () => assert.equal(slug(text), wanted));
}
