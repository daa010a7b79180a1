import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { invoice } from "./invoice.js";
import { lineTotal } from "./lines.js";
import { format } from "./money.js";

test("what is printed", () => {
  const lines = [
    { name: "Pen", count: 10, cents: 99 },
    { name: "Pad", count: 1, cents: 205 },
    { name: "Back", count: 1, cents: -1205 },
  ];
  assert.equal(invoice({ lines }), "Pen: 8.91\nPad: 2.05\nBack: -12.05\nSum: -1.09\n");
  assert.equal(invoice({ lines: [] }), "Sum: 0.00\n");
});
test("the discount is rounded down", () => {
  assert.equal(lineTotal({ count: 11, cents: 5 }), 49);
  assert.equal(lineTotal({ count: 9, cents: 7 }), 63);
  assert.equal(lineTotal({ count: 10, cents: -7 }), -63);
});
test("money", () => {
  assert.equal(format(5), "0.05");
  assert.equal(format(-5), "-0.05");
  assert.equal(format(123456), "1234.56");
});
test("invoice.js leaves it to the two", () => {
  const text = readFileSync("invoice.js", "utf8");
  assert.match(text, /["']\.\/money\.js["']/);
  assert.match(text, /["']\.\/lines\.js["']/);
  assert.doesNotMatch(text, /padStart|0\.9/);
});
