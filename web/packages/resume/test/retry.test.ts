import { createClient } from "graphql-sse";
import { afterEach, expect, test, vi } from "vitest";
import { retrySse, retryWs } from "../src/retry.js";

afterEach(() => {
  vi.useRealTimers();
});

test("comes back after every way a connection ends", () => {
  const { shouldRetry, retryAttempts } = retryWs();
  for (const code of [1001, 1006, 1012, 4408, 4508, 4510]) expect(shouldRetry({ code, reason: "" })).toBe(true);
  expect(shouldRetry({ type: "error" })).toBe(true); // the server is down
  expect(shouldRetry(Object.assign(new Error("4499: Terminated"), { code: 4499 }))).toBe(true);
  expect(retryAttempts).toBe(Number.POSITIVE_INFINITY);
});

test("ends where credentials can't be had, or are refused again and again", () => {
  vi.useFakeTimers();
  const { shouldRetry } = retryWs();
  const refused = { code: 4403, reason: "Forbidden" };
  expect(shouldRetry(new Error("connectionParams: signed out"))).toBe(false);
  expect([shouldRetry(refused), shouldRetry(refused)]).toEqual([true, true]);
  vi.advanceTimersByTime(15 * 60_000); // an access token's life
  expect([shouldRetry(refused), shouldRetry(refused), shouldRetry(refused)]).toEqual([true, true, false]);
});

test("waits longer each time, 10 s at most", async () => {
  vi.useFakeTimers();
  const { retryWait } = retryWs();
  for (const [retries, most] of [
    [0, 250],
    [3, 2000],
    [50, 10_000],
  ] as const) {
    let over = false;
    const wait = retryWait(retries).then(() => {
      over = true;
    });
    await vi.advanceTimersByTimeAsync(most / 2 - 1);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(most / 2 + 1);
    expect(over).toBe(true);
    await wait;
  }
});

/** The events of each request in turn; each but the last is cut without a `complete`, with an error where it says so. */
const serve = (...answers: (Response | (() => Response | Promise<Response>))[]) => {
  let at = 0;
  return async () => {
    const answer = answers[at++];
    if (!answer) throw new Error("one request too many");
    return typeof answer === "function" ? answer() : answer;
  };
};
const stream = (text: string, cut?: "error") =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(text));
        if (!cut) controller.close();
      },
      pull(controller) {
        if (cut) controller.error(new TypeError("terminated"));
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  );
const event = (seq: number) => `event: next\ndata: {"data":{"e":{"seq":${seq}}}}\n\n`;

const results = async (fetchFn: () => Promise<Response>, silence?: number) => {
  const client = createClient({
    url: "http://127.0.0.1/graphql",
    ...retrySse(fetchFn, silence),
    retry: async () => {},
  });
  const seen: unknown[] = [];
  for await (const result of client.iterate({ query: "subscription { e { seq } }" })) seen.push(result.data);
  return seen;
};

test.each(["error", undefined] as const)("graphql-sse comes back after a cut right behind events (%s)", async (cut) => {
  const many = Array.from({ length: 20 }, (_, i) => i + 1);
  const seen = await results(
    serve(
      stream(many.map(event).join(""), cut),
      new Response("", { status: 503 }),
      stream(`${event(21)}event: complete\ndata: \n\n`),
    ),
  );
  expect(seen).toEqual([...many, 21].map((seq) => ({ e: { seq } })));
});

test("graphql-sse says why the server refused, and asks no more", async () => {
  const refused = new Response('{"errors":[{"message":"Sign in."}]}', { status: 401 });
  await expect(results(serve(refused))).rejects.toThrow(/Refused with 401: .*Sign in\./);
});

const silence = 50;
const last = `event: next\ndata: {"data":{"e":{"seq":2}}}\n\nevent: complete\ndata: \n\n`;

test("graphql-sse asks again when a request is never answered", async () => {
  // As with Node before 24, when a connection is cut before the process's HTTP parser is compiled.
  expect(
    await results(
      serve(() => new Promise<Response>(() => {}), stream(last)),
      silence,
    ),
  ).toEqual([{ e: { seq: 2 } }]);
});

test("graphql-sse closes what answers too late", async () => {
  const cancel = vi.fn();
  const late = new Response(new ReadableStream({ cancel }));
  const answer = () => new Promise<Response>((resolve) => setTimeout(() => resolve(late), 2 * silence));
  expect(await results(serve(answer, stream(last)), silence)).toEqual([{ e: { seq: 2 } }]);
  await vi.waitFor(() => expect(cancel).toHaveBeenCalled(), { timeout: 60_000 });
});

test("graphql-sse comes back when a stream falls silent, not while it brings comments", async () => {
  const cancel = vi.fn();
  const encoder = new TextEncoder();
  const falling = new ReadableStream({
    async start(controller) {
      controller.enqueue(encoder.encode(event(1)));
      for (let i = 0; i < 6; i++) {
        await new Promise((resolve) => setTimeout(resolve, silence / 2));
        controller.enqueue(encoder.encode(":\n\n"));
      }
      controller.enqueue(encoder.encode(event(2)));
    },
    cancel,
  });
  const seen = await results(serve(new Response(falling), stream(last.replace("2", "3"))), silence);
  expect(seen).toEqual([1, 2, 3].map((seq) => ({ e: { seq } })));
  expect(cancel).toHaveBeenCalled();
});
