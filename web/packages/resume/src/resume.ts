export { retrySse, retryWs } from "./retry.js";

type Event = { cursor?: unknown; seq?: number; type?: unknown; __typename?: unknown };
type Result = { data?: Record<string, Event | null> | null };
type Payload = { query?: string; variables?: Record<string, unknown> | null };
type Sink = { next(result: Result): void; error(error: unknown): void; complete(): void };
type Subscribe = (payload: Payload, sink: Sink, ...rest: unknown[]) => () => void;

/**
 * The same client (of `graphql-ws` or `graphql-sse`), whose subscriptions go on after the last event they saw, each event
 * once. The operation declares `$after` and selects `cursor`, `seq` and `__typename`; any other goes through as it is.
 */
export function resume<C extends { subscribe: (...args: never[]) => () => void }>(client: C, variable = "after"): C {
  const subscribe: Subscribe = (payload, sink, ...rest) => {
    const sent = { ...payload }; // both clients write it out anew for each retry
    let last = Number.NEGATIVE_INFINITY;
    const next = (result: Result) => {
      const event = Object.values(result.data ?? {})[0];
      if (typeof event?.cursor === "string") {
        const isSeen = event.seq === undefined ? event.cursor === sent.variables?.[variable] : event.seq <= last;
        if (isSeen && event.__typename !== "StreamReset" && event.type !== "STREAM_RESET") return;
        last = event.seq ?? last;
        if (sent.query?.includes(`$${variable}`) ?? true)
          sent.variables = { ...sent.variables, [variable]: event.cursor };
      }
      sink.next(result);
    };
    const wrapped = { next, error: sink.error.bind(sink), complete: sink.complete.bind(sink) };
    return (client.subscribe as Subscribe)(sent, wrapped, ...rest);
  };
  return { ...client, subscribe, iterate: (...args: [Payload, ...unknown[]]) => iterate(subscribe, ...args) };
}

function iterate(subscribe: Subscribe, payload: Payload, ...rest: unknown[]) {
  const pending: (() => Result | undefined | Promise<never>)[] = [];
  let wake = () => {};
  const push = (take: (typeof pending)[number]) => {
    pending.push(take);
    wake();
  };
  const [error, complete] = [(why: unknown) => push(() => Promise.reject(why)), () => push(() => undefined)];
  const dispose = subscribe(payload, { next: (result) => push(() => result), error, complete }, ...rest);
  const results = (async function* () {
    for (;;) {
      while (pending.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      const result = await pending.shift()?.();
      if (!result) return;
      yield result;
    }
  })();
  results.return = async () => {
    dispose(); // at once: a generator's own return would wait for the next result
    complete();
    return { done: true, value: undefined };
  };
  return results;
}
