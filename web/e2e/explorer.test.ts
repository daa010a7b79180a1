import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, picture, watched } from "./explorer-browser.js";
import { ownHost, type Server, startServer } from "./server.js";

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer({ ZEBLIT_DEMO_PACE: "25ms" }, ownHost()), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Does something as another client of the owner. */
async function ask<Data>(query: string, variables: Record<string, unknown>): Promise<Data> {
  const answer = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${server.owner.apiKey}` },
    body: JSON.stringify({ query, variables }),
  });
  const body = (await answer.json()) as { data: Data };
  expect(body).not.toHaveProperty("errors");
  return body.data;
}

async function signIn(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in" });
  await dialog.getByLabel("E-mail", { exact: true }).fill(server.owner.email);
  await dialog.getByLabel("Password", { exact: true }).fill(server.owner.password);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(server.owner.email).waitFor();
}

/** Opens an example; it is there when its tab is the active one. */
async function example(page: Page, title: string, operation: string): Promise<void> {
  await page.getByRole("button", { name: new RegExp(`^${title.replace("?", "\\?")}`) }).click();
  await page.getByRole("tab", { name: operation, selected: true }).waitFor();
}

const run = (page: Page) => page.getByRole("button", { name: /Execute query/ }).click();

/** What the response pane holds: the editor draws only the lines in sight, its model has all. */
const response = (page: Page) =>
  page.evaluate(() => {
    type Editors = { editor: { getModels(): { uri: { path: string }; getValue(): string }[] } };
    const models = (globalThis as unknown as { __MONACO: Editors }).__MONACO.editor.getModels();
    return models.find(({ uri }) => uri.path.endsWith("response.json"))?.getValue() ?? "";
  });

const eventually = (page: Page, what: string | RegExp) =>
  expect.poll(() => response(page), { timeout: 60_000, interval: 100 }).toMatch(what);

interface Shown {
  subscription: string;
  received: number;
  newestFirst: { __typename: string; seq: number; cursor: string }[];
}
const shown = async (page: Page) => JSON.parse(await response(page)) as Shown;

test("the start page leads to the explorer", async () => {
  const { page, wrongs } = await watched(browser, server.url);
  await page.goto("/");
  await page.getByText(/^version /).waitFor();
  await page.getByText("No model is configured.").waitFor();
  expect(await page.locator("#terminal-lines").textContent()).toContain(`zeblit login --url ${server.url}`);
  await picture(page, "start");
  await page.getByRole("link", { name: "Open the explorer" }).click();
  await page.waitForURL("**/explorer");
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  expect(wrongs).toEqual([]);
  await page.context().close();
});

test("sign in, create a project, send a message, watch it live, through a restart of the server", async () => {
  const { page, wrongs } = await watched(browser, server.url);
  await page.goto("/explorer");
  await page.getByText("Demo model: a script, no AI").waitFor();
  await signIn(page);
  expect(await page.evaluate(() => Object.keys(sessionStorage))).toContain("zeblit.session");
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toMatch(/zrt_|eyJ|zbl_/);

  await example(page, "Who am I?", "WhoAmI");
  await run(page);
  await eventually(page, server.owner.email);

  // An access token that ends is exchanged before the next request.
  type Held = { access: string; refresh: string; renewAt: number };
  const held = () => page.evaluate(() => JSON.parse(sessionStorage.getItem("zeblit.session") ?? "{}") as Held);
  const first = await held();
  expect(first.renewAt).toBeGreaterThan(Date.now());
  await page.evaluate((old) => sessionStorage.setItem("zeblit.session", JSON.stringify({ ...old, renewAt: 0 })), first);
  await example(page, "Create a project", "CreateProject");
  await run(page);
  await eventually(page, /"id": "prj_/);
  const second = await held();
  expect(second.refresh).not.toBe(first.refresh);
  expect(second.renewAt).toBeGreaterThan(Date.now());

  await example(page, "Send a message", "SendMessage");
  await run(page);
  await eventually(page, /"id": "run_/);

  await example(page, "Watch a project", "WatchProject");
  await run(page);
  await eventually(page, /"subscription": "live"/);
  await eventually(page, /MessageDelta/);
  await picture(page, "explorer-live");
  await eventually(page, /"state": "SUCCEEDED"/);
  const before = await shown(page);
  await picture(page, "explorer");

  expect(wrongs).toEqual([]);
  await server.restart();
  await expect.poll(async () => (await shown(page)).subscription, { timeout: 60_000 }).toBe("live");
  wrongs.length = 0; // the browser reports the sockets that found no server

  // What another client sends now arrives after what was there, and only that.
  const [projectId] = /prj_\w+/.exec(await page.evaluate(() => localStorage.getItem("graphiql:tabState") ?? "")) ?? [];
  await ask("mutation($input: SendMessageInput!) { sendMessage(input: $input) { message { id } } }", {
    input: { projectId, text: "Once more", agent: "none" },
  });
  await eventually(page, /Once more/);
  const after = await shown(page);
  const numbers = after.newestFirst.map(({ seq }) => seq);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
  expect(after.received - before.received).toBe((numbers[0] ?? 0) - (before.newestFirst[0]?.seq ?? 0));

  await page.getByRole("button", { name: "New tab" }).click();
  await page.getByRole("tab", { name: "<untitled>", selected: true }).waitFor();
  await page.getByRole("button", { name: /Execute query/ }).waitFor();
  expect(await response(page)).toBe("");
  expect(wrongs).toEqual([]);
  await page.context().close();
});

test("an API key signs in, and signing out forgets it", async () => {
  const { createProject } = await ask<{ createProject: { project: { id: string } } }>(
    "mutation($input: CreateProjectInput!) { createProject(input: $input) { project { id } } }",
    { input: { name: "Notes" } },
  );
  await ask("mutation($input: WriteFileInput!) { writeFile(input: $input) { commit } }", {
    input: { projectId: createProject.project.id, path: "notes.md", text: "# Notes" },
  });
  const { page, wrongs } = await watched(browser, server.url, { colorScheme: "dark" });
  await page.goto("/explorer");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in" });
  await dialog.getByLabel("an API key").check();
  await picture(page, "explorer-sign-in");
  await dialog.getByLabel("API key", { exact: true }).fill("zbl_wrong");
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect.poll(() => dialog.getByRole("alert").textContent(), { timeout: 60_000 }).not.toBe("");
  wrongs.length = 0; // the browser reports the 401
  await dialog.getByLabel("API key", { exact: true }).fill(server.owner.apiKey);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("API key", { exact: false }).first().waitFor();
  await example(page, "Read a file", "ReadFile");
  await run(page);
  await eventually(page, /"text": "# Notes"/);
  await picture(page, "explorer-dark");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  expect(await page.evaluate(() => sessionStorage.getItem("zeblit.session"))).toBeNull();
  expect(wrongs).toEqual([]);
  await page.context().close();
});

test("on a phone the answer is seen, and nothing sticks out at the side", async () => {
  const { page, wrongs } = await watched(browser, server.url, { viewport: { width: 390, height: 844 } });
  await page.goto("/explorer");
  await example(page, "Server info", "ServerInfo");
  await run(page);
  await eventually(page, /"version"/);
  const answer = page.locator(".graphiql-response");
  await answer.scrollIntoViewIfNeeded();
  expect((await answer.boundingBox())?.width).toBeGreaterThan(250);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  const dialog = await page.getByRole("dialog", { name: "Sign in" }).boundingBox();
  expect((dialog?.x ?? 0) + (dialog?.width ?? 999)).toBeLessThan(390);
  expect(wrongs).toEqual([]);
  await page.context().close();
});
