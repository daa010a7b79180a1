import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Starts the browser that is installed: CHROMIUM, else Debian's. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    timeout: patience,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
  });
}

/**
 * How long a page may take for one thing, in milliseconds. Playwright would give up after 30 s, which a busy machine
 * needs to draw the explorer's editor; it is the test's own limit that ends what hangs, and this names where.
 */
export const patience = 110_000;

/** A page, and everything about it that must not happen. */
export interface Watched {
  page: Page;
  /** Requests and sockets to another host, violations of the policy, errors. */
  wrongs: string[];
}

export async function watched(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const { host } = new URL(url);
  const wrongs: string[] = [];
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== "data:" && asked.host !== host) wrongs.push(`request to ${request.url()}`);
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== host) wrongs.push(`socket to ${socket.url()}`);
  });
  page.on("worker", (worker) => {
    if (!worker.url().startsWith(url)) wrongs.push(`worker from ${worker.url()}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") wrongs.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrongs.push(`thrown: ${error.stack ?? error.message}`));
  await page.exposeFunction("reportViolation", (what: string) => wrongs.push(`policy: ${what}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      void (globalThis as unknown as { reportViolation(what: string): void }).reportViolation(
        `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`,
      );
    });
  });
  return { page, wrongs };
}

let folder: Promise<string> | undefined;

/** Keeps a picture of the page in ZEBLIT_SCREENSHOTS, else in a folder of its own. */
export async function picture(page: Page, name: string): Promise<string> {
  folder ??= process.env.ZEBLIT_SCREENSHOTS
    ? mkdir(process.env.ZEBLIT_SCREENSHOTS, { recursive: true }).then(() => process.env.ZEBLIT_SCREENSHOTS as string)
    : mkdtemp(join(tmpdir(), "zeblit-screenshots-"));
  const path = join(await folder, `${name}.png`);
  await page.screenshot({ path });
  return path;
}
