import { expect, expectTypeOf, test } from "vitest";
import { resume } from "../src/resume.js";
import { FlakyClient, type Log, watchQuery } from "./flaky.js";

const collect = (log: Log, after?: string, query = watchQuery) => {
  const client = new FlakyClient(log);
  const seen: number[] = [];
  resume(client.asClient()).subscribe(
    { query, variables: { projectId: "prj_1", ...(after === undefined ? {} : { after }) } },
    { next: (result) => seen.push(result.data?.projectEvents?.seq ?? 0), error: () => {}, complete: () => {} },
  );
  return { client, seen };
};

test("goes on after the last event it saw, once each", () => {
  const log: Log = { head: 10 };
  const { client, seen } = collect(log, "start");
  client.deliver(4);
  client.cut();
  client.deliver(3);
  client.cut();
  client.cut();
  client.deliver(99);
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(client.afters).toEqual(["start", "c4", "c7", "c7"]);
});

test("begins from now on without `after`, and goes on from the first event", () => {
  const { client, seen } = collect({ head: 5 });
  client.log.head = 7;
  client.deliver(99);
  client.cut();
  client.log.head = 8;
  client.deliver(99);
  expect(seen).toEqual([6, 7, 8]);
});

test("drops what comes twice where the operation can't say where to go on", () => {
  const fixed = 'subscription { projectEvents(projectId: "prj_1", after: "start") { seq cursor } }';
  const { client, seen } = collect({ head: 6 }, undefined, fixed);
  client.variablesRead = false;
  client.restartAt(0);
  client.deliver(4);
  client.cut();
  client.restartAt(0);
  client.deliver(99);
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  expect(client.afters).toEqual([undefined, undefined]);
});

test("hands a reset on and continues from its cursor, though its number is lower", () => {
  const { client, seen } = collect({ head: 9 }, "start");
  client.deliver(99);
  client.send({ __typename: "StreamReset", cursor: "c2", seq: 2 });
  client.cut();
  expect(client.afters.at(-1)).toBe("c2");
  client.log.head = 4;
  client.deliver(99);
  expect(seen.slice(9)).toEqual([2, 3, 4]);
});

test("knows what comes twice by its cursor where the operation doesn't select `seq`", () => {
  const { client, seen } = collect({ head: 0 }, "start");
  client.send({ cursor: "a" });
  client.send({ cursor: "a" });
  client.send({ cursor: "b" });
  expect(seen).toHaveLength(2);
});

test("lets errors, nulls and operations without a cursor through", () => {
  const client = new FlakyClient({ head: 0 });
  const seen: unknown[] = [];
  resume(client.asClient()).subscribe(
    { query: "{ viewer { id } }" },
    { next: (result) => seen.push(result), error: () => {}, complete: () => {} },
  );
  const results = [{ data: { viewer: { id: "usr_1" } } }, { data: null, errors: [{ message: "no" }] }, { data: {} }];
  for (const result of results) client.raw(result);
  for (const result of results) client.raw(result);
  expect(seen).toEqual([...results, ...results]);
});

test("leaves the caller's payload as it was", () => {
  const client = new FlakyClient({ head: 3 });
  const payload = { query: watchQuery, variables: Object.freeze({ projectId: "prj_1", after: "start" }) };
  resume(client.asClient()).subscribe(payload, { next: () => {}, error: () => {}, complete: () => {} });
  client.deliver(99);
  expect(payload.variables.after).toBe("start");
});

test("keeps the client's type and its other methods", async () => {
  const client = { ...new FlakyClient({ head: 0 }).asClient(), dispose: () => "gone" };
  expectTypeOf(resume(client)).toEqualTypeOf(client);
  expect(resume(client).dispose()).toBe("gone");
});

test("iterates: what came before an error is handed out first", async () => {
  const client = new FlakyClient({ head: 3 });
  const events = resume(client.asClient()).iterate({ query: watchQuery, variables: { after: "start" } });
  client.deliver(2);
  client.cut();
  client.deliver(99);
  client.fail(new Error("over"));
  const seen: unknown[] = [];
  await expect(async () => {
    for await (const result of events) seen.push(result.data?.projectEvents?.seq);
  }).rejects.toThrow("over");
  expect(seen).toEqual([1, 2, 3]);
});

test("iterates: leaving the loop ends the subscription, also while it waits", async () => {
  const client = new FlakyClient({ head: 1 });
  const events = resume(client.asClient()).iterate({ query: watchQuery, variables: { after: "start" } });
  client.deliver(1);
  for await (const _ of events) break;
  expect(client.disposed).toBe(true);

  const waiting = new FlakyClient({ head: 0 });
  const silent = resume(waiting.asClient()).iterate({ query: watchQuery });
  const next = silent.next();
  await silent.return?.();
  expect(waiting.disposed).toBe(true);
  expect((await next).done).toBe(true);
});

test("iterates: completes with the server", async () => {
  const client = new FlakyClient({ head: 2 });
  const events = resume(client.asClient()).iterate({ query: watchQuery, variables: { after: "start" } });
  client.deliver(99);
  client.end();
  const seen: unknown[] = [];
  for await (const result of events) seen.push(result.data?.projectEvents?.seq);
  expect(seen).toEqual([1, 2]);
});
