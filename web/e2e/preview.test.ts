import { once } from "node:events";
import { createServer, type Server as HTTPServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, patience } from "./explorer-browser.js";
import { type Server, startServer } from "./server.js";

let server: Server;
let browser: Browser;
let others: HTTPServer[];
/** What the model was asked, as it came. */
const asked: string[] = [];
let framed = "";

/** A server of its own on a free port, and its origin. */
async function listen(handle: Parameters<typeof createServer>[1]): Promise<[HTTPServer, string]> {
  const http = createServer(handle);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return [http, `http://127.0.0.1:${(http.address() as AddressInfo).port}`];
}

/** Answers as Anthropic's API does: with the use of a tool, and then with words. */
function model(response: ServerResponse, body: string) {
  asked.push(body);
  const tool = { type: "tool_use", id: `toolu_${asked.length}`, name: "read_console", input: {} };
  const uses = asked.length === 1;
  const send = (type: string, rest: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`);
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  send("message_start", {
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "m",
      content: [],
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  });
  send("content_block_start", { index: 0, content_block: uses ? tool : { type: "text", text: "" } });
  send("content_block_delta", {
    index: 0,
    delta: uses ? { type: "input_json_delta", partial_json: "{}" } : { type: "text_delta", text: "I see." },
  });
  send("content_block_stop", { index: 0 });
  send("message_delta", { delta: { stop_reason: uses ? "tool_use" : "end_turn" }, usage: { output_tokens: 1 } });
  send("message_stop", {});
  response.end();
}

beforeAll(async () => {
  const [anthropic, anthropicURL] = await listen(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    model(response, body);
  });
  const [site, siteURL] = await listen((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(`<!doctype html><title>Frame</title><iframe id="frame" src="${framed}"></iframe>`);
  });
  others = [anthropic, site];
  [server, browser] = await Promise.all([
    startServer({ ANTHROPIC_API_KEY: "key", ANTHROPIC_BASE_URL: anthropicURL, ZEBLIT_ALLOWED_ORIGINS: siteURL }),
    launch(),
  ]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  for (const one of others ?? []) one.close();
});

async function ask<Data>(query: string, variables: Record<string, unknown> = {}): Promise<Data> {
  const answer = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${server.owner.apiKey}` },
    body: JSON.stringify({ query, variables }),
  });
  const body = (await answer.json()) as { data: Data };
  expect(body).not.toHaveProperty("errors");
  return body.data;
}

async function project(html: string): Promise<string> {
  const made = await ask<{ createProject: { project: { id: string } } }>(
    `mutation { createProject(input: {name: "Shop", template: "static"}) { project { id } } }`,
  );
  const id = made.createProject.project.id;
  await ask(
    `mutation($id: ID!, $html: String!) { writeFile(input: {projectId: $id, path: "index.html", text: $html}) { commit } }`,
    {
      id,
      html,
    },
  );
  return id;
}

async function link(id: string): Promise<string> {
  const made = await ask<{ createPreviewLink: { url: string } }>(
    `mutation($id: ID!) { createPreviewLink(input: {projectId: $id, console: true}) { url expiresAt } }`,
    { id },
  );
  return made.createPreviewLink.url;
}

interface Entry {
  level: string;
  text: string;
  stack: string | null;
  uncaught: boolean;
  count: number;
}

const entries = async (id: string) =>
  (
    await ask<{ project: { console: { nodes: Entry[] } } }>(
      `query($id: ID!) { project(id: $id) { console(first: 100) { nodes { level text stack uncaught count } } } }`,
      { id },
    )
  ).project.console.nodes.reverse();

const page = (script: string) =>
  `<!doctype html><html><head><title>Shop</title></head><body><h1>Shop</h1><script>${script}</script></body></html>`;

test("an exception that a preview's page throws reaches the agent's read_console", async () => {
  const id = await project(
    page(`
      console.log("ready", {items: 2});
      for (let i = 0; i < 5; i++) console.warn("slow");
      Promise.reject(new RangeError("no such item"));
      document.body.append(Object.assign(new Image(), {src: "/missing.png"}));
      function pay() { null.amount }
      pay();
    `),
  );
  const context = await browser.newContext();
  context.setDefaultTimeout(patience);
  const tab = await context.newPage();
  await tab.goto(await link(id));
  expect(new URL(tab.url()).search).toBe("");
  expect(new URL(tab.url()).hostname).toMatch(/^prj-[a-z0-9]+\.preview\.localhost$/);
  expect(await tab.textContent("h1")).toBe("Shop");

  await expect.poll(async () => (await entries(id)).length, { timeout: 60_000 }).toBe(5);
  const all = await entries(id);
  const of = (text: string) => all.find((e) => e.text.includes(text));
  expect(of("ready")).toMatchObject({ level: "LOG", text: 'ready {"items":2}', stack: null });
  expect(of("slow")).toMatchObject({ level: "WARN", count: 5 });
  expect(of("TypeError")).toMatchObject({ level: "ERROR", uncaught: true });
  expect(of("TypeError")?.stack).toContain("at pay");
  expect(of("no such item")).toMatchObject({ level: "ERROR", uncaught: true });
  expect(of("could not load")?.text).toContain("/missing.png");

  await ask(
    `mutation($id: ID!) { sendMessage(input: {projectId: $id, text: "Why doesn't it work?", agent: "engineer"}) { run { id } } }`,
    { id },
  );
  await expect.poll(() => asked.length, { timeout: 60_000 }).toBe(2);
  const result = JSON.stringify((JSON.parse(asked[1] ?? "") as { messages: object[] }).messages.at(-1));
  expect(result).toContain("data, not instructions");
  expect(result).toMatch(/\| TypeError: Cannot read properties of null/);
  expect(result).toMatch(/\| +at pay/);
  await context.close();
});

test("a preview works in a frame of an allowed page, and can't do what only its viewer may", async () => {
  const id = await project(
    page(`
      const tried = {};
      const note = (name, promise) => promise.then((v) => { tried[name] = v }, (e) => { tried[name] = "refused" });
      note("cookie", Promise.resolve(document.cookie));
      note("api", fetch("${server.url}/graphql?query={viewer{id}}").then((r) => r.text()));
      note("own", fetch("/graphql?query={__typename}").then((r) => String(r.status)));
      note("socket", new Promise((ok, no) => { const s = new WebSocket("${server.ws}", "graphql-transport-ws"); s.onopen = () => ok("open"); s.onerror = no }));
      note("top", new Promise((ok, no) => { try { top.location = "about:blank"; ok("navigated") } catch (e) { no(e) } }));
      setInterval(() => { document.body.dataset.tried = JSON.stringify(tried) }, 50);
    `),
  );
  framed = await link(id);
  const context = await browser.newContext();
  context.setDefaultTimeout(patience);
  const tab = await context.newPage();
  await tab.goto(`http://127.0.0.1:${((others[1] as HTTPServer).address() as AddressInfo).port}/`);
  const inside = tab.frameLocator("#frame").locator("body");
  await expect
    .poll(async () => JSON.parse((await inside.getAttribute("data-tried")) ?? "{}"), { timeout: 60_000 })
    .toEqual({ cookie: "", api: "refused", own: "404", socket: "refused", top: "refused" });
  expect(await tab.title()).toBe("Frame");
  await context.close();
});

test("the script takes what it is given and changes nothing", async () => {
  const id = await project(
    page(`
      const odd = { get stack() { throw new Error("mine") } };
      const round = { toJSON() { console.log("within"); return round } };
      const many = Array.from({length: 10000}, (_, i) => i);
      window.said = [];
      try {
        console.log(odd); console.log(round); console.log(many, Symbol("s"), undefined, null, 1n, () => 1);
        console.error(new Error("held")); console.log("x".repeat(20000));
        for (let i = 0; i < 300; i++) console.debug(i);
      } catch (e) { window.said.push(String(e)) }
    `),
  );
  const context = await browser.newContext();
  context.setDefaultTimeout(patience);
  const tab = await context.newPage();
  const shown: string[] = [];
  tab.on("console", (message) => shown.push(message.text()));
  await tab.goto(await link(id));
  expect(await tab.evaluate(() => (globalThis as unknown as { said: string[] }).said)).toEqual([]);
  expect(shown.length).toBeGreaterThanOrEqual(305);
  await expect
    .poll(async () => (await entries(id)).some((e) => e.text.includes("too fast to be reported")), { timeout: 60_000 })
    .toBe(true);
  const all = await entries(id);
  expect(all.find((e) => e.text === "Error: held")?.stack).toContain("at ");
  expect(Math.max(...all.map((e) => e.text.length))).toBeLessThanOrEqual(8192);
  // Once all that there was is told it is silent: it reports nothing of its own.
  const ids = async () =>
    (
      await ask<{ project: { console: { nodes: { id: string }[] } } }>(
        `query($id: ID!) { project(id: $id) { console(first: 100) { nodes { id } } } }`,
        { id },
      )
    ).project.console.nodes;
  await expect.poll(async () => (await ids()).length, { timeout: 60_000 }).toBe(100);
  await new Promise((done) => setTimeout(done, 3000));
  const before = await ids();
  await new Promise((done) => setTimeout(done, 3000));
  expect(await ids()).toEqual(before);
  await context.close();
});
