import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ownHost, type Server, start, startServer } from "./server.js";
import { type Event, replay, textOf, until } from "./stream.js";

const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
});

/** A program that runs in the repository's root. */
function run(command: string, args: string[], env: Record<string, string>) {
  const child = start(command, args, { ...process.env, ...env });
  children.add(child);
  const said = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    said.out += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    said.err += chunk;
  });
  const ended = once(child, "close").then(([code]) => {
    children.delete(child);
    return code as number | null;
  });
  return { said, ended, hasEnded: () => !children.has(child) };
}

const watchers = {
  "graphql-ws-node": [process.execPath, "--import", "tsx", "examples/graphql-ws-node/watch.ts"],
  "python by WebSocket": ["/usr/bin/python3", "examples/python/watch.py"],
  "python by server-sent events": ["/usr/bin/python3", "examples/python/watch.py", "--sse"],
} as const;

/** What an example prints: the text, and a line's end with each message of an agent. */
const printed = (events: Event[]) =>
  events
    .map((event) => {
      if (event.__typename === "MessageDelta") return event.text;
      return event.__typename === "MessageCompleted" && event.message.role === "ASSISTANT" ? "\n" : "";
    })
    .join("");

describe.each(Object.entries(watchers))("%s", (_, [command, ...args]) => {
  test("prints all of the answer once, though the server is killed in the middle", async () => {
    const server = await startServer({ ZEBLIT_DEMO_PACE: "100ms" }, ownHost());
    onTestFinished(server.close);
    const env = { ZEBLIT_URL: server.url, ZEBLIT_API_KEY: server.owner.apiKey };
    const example = run(command, [...args, "Build a to-do list page"], env);
    const waitFor = (what: string, isSo: () => boolean) =>
      until(what, () => {
        if (example.hasEnded()) throw new Error(`it ended early: ${example.said.out}\n${example.said.err}`);
        return isSo();
      });
    for (const length of [20, 60]) {
      await waitFor(`${length} characters`, () => example.said.out.length >= length);
      await server.kill();
      await server.restart();
    }
    expect(await example.ended, example.said.err).toBe(0);
    expect(example.said.err).toContain("[run succeeded]");
    expect(example.said.err.match(/closed/g)?.length).toBeGreaterThanOrEqual(2);

    const projectId = /\[project (\w+)\]/.exec(example.said.err)?.[1] ?? "";
    const events = await replay(server, projectId, "the run's end");
    expect(textOf(events).length).toBeGreaterThan(60);
    expect(example.said.out).toBe(printed(events));
  });

  test("says what is wrong with the key", async () => {
    const server = await startServer();
    onTestFinished(server.close);
    const example = run(command, [...args], { ZEBLIT_URL: server.url, ZEBLIT_API_KEY: "zbl_wrong" });
    expect(await example.ended).not.toBe(0);
    expect(example.said.out).toBe("");
    expect(example.said.err).toMatch(/401|4403|Forbidden|UNAUTHENTICATED/);
  });
});

test("graphql-ws-node signs in with e-mail and password", async () => {
  const server = await startServer();
  onTestFinished(server.close);
  const { email, password, url } = server.owner;
  const [command, ...args] = watchers["graphql-ws-node"];
  const env = { ZEBLIT_URL: url, ZEBLIT_API_KEY: "", ZEBLIT_EMAIL: email, ZEBLIT_PASSWORD: password };
  const example = run(command, args, env);
  expect(await example.ended, example.said.err).toBe(0);
  const wrong = run(command, args, { ...env, ZEBLIT_PASSWORD: "not the password" });
  expect(await wrong.ended).not.toBe(0);
});

describe("curl.sh", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.close());

  test("works from beginning to end", async () => {
    const example = run("bash", ["examples/curl.sh"], { URL: server.url, KEY: server.owner.apiKey });
    expect(await example.ended, example.said.out + example.said.err).toBe(0);
    expect(example.said.out).toContain("== All worked");
  });

  test("fails where the server says no", async () => {
    const example = run("bash", ["examples/curl.sh"], { URL: server.url, KEY: "zbl_wrong" });
    expect(await example.ended).not.toBe(0);
    expect(example.said.out).not.toContain("All worked");
  });
});
