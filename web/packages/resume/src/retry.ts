const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
/** 0.25 s, doubled each time up to 10 s, less up to a half at random so that a server's clients don't return all at once. */
const backOff = (retries: number) => pause(Math.min(10_000, 250 * 2 ** retries) * (1 - Math.random() / 2));
const retryAttempts = Number.POSITIVE_INFINITY;

/** For `createClient` of `graphql-ws`. Ends at the third refusal (4403) in a minute, or when `connectionParams` throws. */
export function retryWs() {
  let refusals: number[] = [];
  const shouldRetry = (reason: unknown) => {
    const { code } = reason as { code?: unknown };
    if (code !== 4403) return code !== undefined || !(reason instanceof Error);
    refusals = [...refusals.filter((at) => at > Date.now() - 60_000), Date.now()];
    return refusals.length < 3;
  };
  return { retryAttempts, retryWait: backOff, shouldRetry };
}

/**
 * For `createClient` of `graphql-sse`. Ends when the server refuses the operation or the credentials. The server says
 * something every 12 s, if only a comment: a connection, or a request, that brings nothing for `silence` ms is given up,
 * as a cut is. (Some cuts reach nobody. `fetch` before Node 24 never settles when a process's first connections are cut at once.)
 */
export function retrySse(fetchFn: typeof fetch = fetch, silence = 30_000) {
  const request = async (...args: Parameters<typeof fetch>) => {
    const answer = fetchFn(...args);
    const response = await within(silence, answer, async () => (await answer).body?.cancel());
    const { ok, status, statusText, body } = response;
    if (ok || status === 429 || status >= 500) return { ok, status, statusText, body: body && chunks(body, silence) };
    const refused = new Error(`Refused with ${status}: ${await response.text()}`);
    const fail = () => {
      throw refused; // anything that fetch itself throws would be tried again
    };
    return Object.defineProperty({ ok: true }, "body", { get: fail });
  };
  return { retryAttempts, retry: backOff, fetchFn: request };
}

async function* chunks(body: ReadableStream<Uint8Array>, silence: number) {
  const reader = body.getReader();
  const read = () => within(silence, reader.read(), () => reader.cancel());
  try {
    for (let part = await read(); !part.done; part = await read()) yield part.value;
  } finally {
    await pause(0); // a cut is retried only when it comes while the client waits for an event
  }
}

/** What is awaited, or, when that takes longer, an error; what still comes of it then is for giveUp to end. */
async function within<T>(ms: number, awaited: Promise<T>, giveUp: () => Promise<unknown>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`The server has said nothing for ${ms} ms`));
      giveUp().catch(() => {});
    }, ms);
  });
  try {
    return await Promise.race([awaited, late]);
  } finally {
    clearTimeout(timer);
  }
}
