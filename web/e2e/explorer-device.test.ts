import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, picture, watched } from "./explorer-browser.js";
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

/** Does what `zeblit login` does, without credentials. */
async function ask<Data>(query: string, input: Record<string, unknown>): Promise<Data> {
  const answer = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const body = (await answer.json()) as { data: Data };
  expect(body).not.toHaveProperty("errors");
  return body.data;
}

interface Requested {
  deviceCode: string;
  userCode: string;
  verificationUrlComplete: string;
}

const request = async (clientName: string) =>
  (
    await ask<{ requestDeviceCode: Requested }>(
      `mutation($input: RequestDeviceCodeInput!) {
        requestDeviceCode(input: $input) { deviceCode userCode verificationUrlComplete }
      }`,
      { clientName },
    )
  ).requestDeviceCode;

const exchange = async (deviceCode: string) =>
  (
    await ask<{ exchangeDeviceCode: { status: string; secret: string | null; user: { name: string } | null } }>(
      "mutation($input: ExchangeDeviceCodeInput!) { exchangeDeviceCode(input: $input) { status secret user { name } } }",
      { deviceCode },
    )
  ).exchangeDeviceCode;

async function signIn(page: Page): Promise<void> {
  await page.getByRole("heading", { name: "Sign in to go on" }).waitFor();
  await page.getByLabel("E-mail").fill(server.owner.email);
  await page.getByLabel("Password").fill(server.owner.password);
  await page.keyboard.press("Enter");
}

test("a device is approved from the link that the terminal shows", async () => {
  const asked = await request("zeblit on workbench");
  const { page, wrongs } = await watched(browser, server.url);
  await page.goto(asked.verificationUrlComplete);
  await signIn(page);
  await page.getByRole("heading", { name: "Let this program use your account?" }).waitFor();
  expect(await page.locator("#client-name").textContent()).toBe("zeblit on workbench");
  expect(await page.locator("#shown-code").textContent()).toBe(asked.userCode);
  expect(await page.locator("#account").textContent()).toBe(server.owner.email);
  expect(await page.getByText("Only approve if you just ran").isVisible()).toBe(true);
  await picture(page, "device");
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("heading", { name: "Approved" }).waitFor();
  await picture(page, "device-approved");
  const got = await exchange(asked.deviceCode);
  expect(got.status).toBe("APPROVED");
  expect(got.secret).toMatch(/^zbl_/);
  expect(wrongs).toEqual([]);
  await page.context().close();
});

test("the code is typed in as people type, and denied", async () => {
  const asked = await request(`somebody else ${"W".repeat(100)}`);
  const { page, wrongs } = await watched(browser, server.url, {
    colorScheme: "dark",
    viewport: { width: 390, height: 844 },
  });
  await page.goto("/device");
  const code = page.getByLabel("Code");
  await code.fill("AEIOU");
  await page.keyboard.press("Enter");
  await page.getByText("A code has eight letters").waitFor();
  await code.fill(` ${asked.userCode.toLowerCase().replace("-", " ")} `);
  await page.keyboard.press("Enter");
  await signIn(page);
  await page.getByRole("button", { name: "Deny" }).click();
  await page.getByRole("heading", { name: "Denied" }).waitFor();
  await picture(page, "device-denied");
  expect(await page.evaluate(() => document.documentElement.scrollWidth), "nothing sticks out").toBe(390);
  expect((await exchange(asked.deviceCode)).status).toBe("DENIED");

  await page.goto("/device?code=BBBB-BBBB"); // the session of this tab is used again
  await page.getByText("This code is not known").waitFor();
  expect(wrongs).toEqual([]);
  await page.context().close();
});
