import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import test from "node:test";
import { celsius, fahrenheit } from "./convert.js";

test("the module", () => {
  assert.equal(celsius(100), 37.8);
  assert.equal(celsius(-40), -40);
  assert.equal(fahrenheit(37.8), 100);
  assert.equal(fahrenheit(0), 32);
  for (const bad of ["1", Number.NaN, Infinity, undefined]) {
    assert.throws(() => celsius(bad), TypeError);
    assert.throws(() => fahrenheit(bad), TypeError);
  }
});
test("the program", () => {
  const run = (...args) => spawnSync("node", ["cli.js", ...args], { encoding: "utf8" });
  assert.equal(run("100", "F").stdout.trim(), "37.8");
  assert.equal(run("37.8", "C").stdout.trim(), "100");
  for (const args of [["100"], ["x", "F"]]) assert.equal(run(...args).status, 2, args.join(" "));
});
test("the specification", () => assert.ok(existsSync("docs/spec.md")));
