import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { type PreviewServer, preview } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { graphqlWs } from "./clients.js";
import { launch, patience } from "./explorer-browser.js";
import { graphql } from "./generated/index.js";
import { ownHost, root, type Server, startServer } from "./server.js";

const Messages = graphql(`
  query Messages {
    projects(first: 1) {
      edges { node { name messages(first: 50) { edges { node { role status text } } } } }
    }
  }
`);

let server: Server;
let site: PreviewServer;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  server = await startServer({ ZEBLIT_DEMO_PACE: "100ms" }, ownHost());
  process.env.ZEBLIT_URL = server.url; // its vite.config.ts proxies there
  const cwd = join(root, "examples/apollo-react");
  const env = { ...process.env, NODE_ENV: "production" };
  await promisify(execFile)("npm", ["run", "build"], { cwd, env });
  site = await preview({ root: cwd, logLevel: "silent", preview: { port: 0 } });
  browser = await launch();
  page = await browser.newPage();
  page.setDefaultTimeout(patience);
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(site.resolvedUrls?.local[0] ?? "");
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
  await server?.close();
});

test("signs in, makes a project and shows the answer as it comes, though the server is killed", async () => {
  await page.getByLabel("E-mail").fill(server.owner.email);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password").fill(server.owner.password);
  await page.getByRole("button", { name: "Sign in" }).click();

  await page.getByLabel("Name of the new project").fill("A chat");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("heading", { name: "A chat" }).waitFor();
  await page.getByLabel("Message").fill("Build a to-do list page");
  await page.getByRole("button", { name: "Send" }).click();

  // A message is seen growing, and is cut while it does.
  const growing = page.locator("article.assistant[data-status=STREAMING] p");
  await expect.poll(() => growing.first().textContent(), { timeout: 60_000 }).toMatch(/\w+ \w+/);
  await server.kill();
  await page.getByText("reconnecting").waitFor();
  await server.restart();
  await page.getByText("succeeded").waitFor({ timeout: 90_000 });

  const shown = await page.locator("article p").allTextContents();
  const door = graphqlWs(server);
  const project = (await door.once(Messages, {})).projects.edges[0]?.node;
  door.close();
  expect(project?.name).toBe("A chat");
  expect(shown).toEqual(project?.messages.edges.map(({ node }) => node.text));
  expect(await page.locator("article code").allTextContents()).toContain("created index.html");
  expect(complaints).toEqual([]);
  if (process.env.ZEBLIT_SCREENSHOT) await page.screenshot({ path: process.env.ZEBLIT_SCREENSHOT });
});

test("goes on in the same conversation and lists the projects", async () => {
  const before = await page.locator("article").count();
  await page.getByLabel("Message").fill("Thank you");
  await page.getByRole("button", { name: "Send" }).click();
  await expect.poll(() => page.locator("article").count(), { timeout: 60_000 }).toBeGreaterThan(before + 1);
  await page.getByRole("navigation").getByRole("button", { name: "A chat" }).waitFor();
  expect(complaints).toEqual([]);
});
