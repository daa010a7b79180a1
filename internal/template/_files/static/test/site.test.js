import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { server } from "../serve.js";

let url;
before(() => new Promise((done) => server.listen(0, "127.0.0.1", done)).then(() => (url = `http://127.0.0.1:${server.address().port}`)));
after(() => new Promise((done) => server.close(done)));

test("the page and all that it links to are there", async () => {
  const html = await readFile(new URL("../index.html", import.meta.url), "utf8");
  const links = [...html.matchAll(/(?:src|href)="([^":#]+)"/g)].map((m) => m[1]);
  assert.ok(links.length > 0);
  for (const link of ["", ...links]) {
    const response = await fetch(`${url}/${link}`);
    assert.equal(response.status, 200, link);
    await response.arrayBuffer();
  }
});

test("nothing outside of the site is served", async () => {
  const response = await fetch(`${url}/..%2f..%2fetc/passwd`);
  assert.equal(response.status, 404);
  await response.arrayBuffer();
});
