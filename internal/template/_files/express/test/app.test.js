import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createApp } from "../src/app.js";

let server;
let url;
before(async () => {
  server = createApp().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  url = `http://127.0.0.1:${server.address().port}`;
});
after(() => new Promise((done) => server.close(done)));

const post = (body) =>
  fetch(`${url}/notes`, { method: "POST", headers: { "Content-Type": "application/json" }, body });

test("it is healthy", async () => {
  assert.deepEqual(await (await fetch(`${url}/health`)).json(), { status: "ok" });
});

test("a note is kept", async () => {
  const made = await post(JSON.stringify({ text: " hello " }));
  assert.equal(made.status, 201);
  const note = await made.json();
  assert.equal(note.text, "hello");
  assert.deepEqual(await (await fetch(url + made.headers.get("location"))).json(), note);
  assert.deepEqual(await (await fetch(`${url}/notes`)).json(), [note]);
});

test("what is wrong is refused", async () => {
  assert.equal((await post("{}")).status, 400);
  assert.equal((await post("nonsense")).status, 400);
  assert.equal((await fetch(`${url}/notes/99`)).status, 404);
  assert.equal((await fetch(`${url}/nothing`)).status, 404);
});
