import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, patience, picture } from "./explorer-browser.js";
import { type Server, startServer } from "./server.js";

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
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

interface Run {
  state: string;
  verification: string | null;
  agent: { slug: string };
  plan: { tasks: { state: string; agent: { slug: string } }[] } | null;
}

test("the demo model's crew builds a to-do list, which works in the preview", async () => {
  const made = await ask<{ createProject: { project: { id: string } } }>(
    `mutation { createProject(input: {name: "To-do"}) { project { id } } }`,
  );
  const id = made.createProject.project.id;
  const sent = await ask<{ sendMessage: { run: { id: string } } }>(
    `mutation($id: ID!) { sendMessage(input: {projectId: $id, text: "Build a to-do list with a backend"}) { run { id } } }`,
    { id },
  );
  const run = async () =>
    (
      await ask<{ node: Run }>(
        `query($id: ID!) { node(id: $id) { ... on Run {
          state verification agent { slug } plan { tasks { state agent { slug } } }
        } } }`,
        { id: sent.sendMessage.run.id },
      )
    ).node;
  await expect.poll(async () => (await run()).state, { timeout: 120_000, interval: 500 }).toBe("SUCCEEDED");
  const { agent, plan, verification } = await run();
  expect(["VERIFIED", "WITH_GAPS"]).toContain(verification);
  expect(plan?.tasks.every((task) => task.state === "COMPLETED")).toBe(true);
  expect(new Set([agent.slug, ...(plan?.tasks.map((task) => task.agent.slug) ?? [])]).size).toBe(7);

  const link = await ask<{ createPreviewLink: { url: string } }>(
    `mutation($id: ID!) { createPreviewLink(input: {projectId: $id}) { url } }`,
    { id },
  );
  const context = await browser.newContext();
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const thrown: string[] = [];
  page.on("pageerror", (error) => thrown.push(error.message));
  await page.goto(link.createPreviewLink.url);
  expect(await page.textContent("h1")).toBe("To-do list");
  await page.getByLabel("New task").fill("Buy <b>milk</b>");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByText("1 task left").waitFor();
  await page.reload();
  await page.getByLabel("Buy <b>milk</b>", { exact: true }).check();
  await page.getByText("0 tasks left").waitFor();
  await picture(page, "crew-preview");
  expect(thrown).toEqual([]);
  await context.close();
}, 180_000);
