import { setTimeout as pause } from "node:timers/promises";
import { type Door, stockGraphqlWs } from "./clients.js";
import type { WatchSubscription } from "./generated/graphql.js";
import { CreateProject, SendMessage, Watch } from "./operations.js";
import type { Server } from "./server.js";

export type Event = WatchSubscription["projectEvents"];

/** The text that the deltas bring, all messages one after the other. */
export const textOf = (events: Event[]) =>
  events.map((event) => (event.__typename === "MessageDelta" ? event.text : "")).join("");

export const deltas = (events: Event[]) => events.filter((event) => event.__typename === "MessageDelta").length;

export const hasSucceeded = (events: Event[]) =>
  events.some((event) => event.__typename === "RunStateChanged" && event.state === "SUCCEEDED");

/** Waits for something to be so. The limit only ends what hangs. */
export async function until(what: string, isSo: () => boolean, limit = 90_000): Promise<void> {
  const deadline = Date.now() + limit;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`still waiting for ${what} after ${limit / 1000} s`);
    await pause(20);
  }
}

/** A new project and what a client sees of it from its beginning on. */
export async function watchNew(door: Door, name: string) {
  const { project } = (await door.once(CreateProject, { input: { name } })).createProject;
  const events: Event[] = [];
  let ended: unknown;
  const stop = door.watch(
    Watch,
    { projectId: project.id, after: project.headCursor },
    (data) => events.push(data.projectEvents),
    (error) => {
      ended = error ?? new Error("the server ended the stream");
    },
  );
  /** Waits as `until` does, and fails at once where the subscription ended. */
  const waitFor = (what: string, isSo: () => boolean) =>
    until(what, () => {
      if (ended) throw ended;
      return isSo();
    });
  return { project, events, stop, waitFor };
}

export const send = (door: Door, projectId: string, text: string) =>
  door.once(SendMessage, { input: { projectId, text } });

/** The whole log of a project, to a number or its run's end, read by a client that knows nothing of what went before. */
export async function replay(server: Server, projectId: string, end: number | "the run's end"): Promise<Event[]> {
  const door = stockGraphqlWs(server);
  const events: Event[] = [];
  let failed: unknown;
  const stop = door.watch(
    Watch,
    { projectId, after: "start" },
    (data) => events.push(data.projectEvents),
    (error) => {
      failed = error;
    },
  );
  await until(`${end} in the replay`, () => {
    if (failed) throw failed;
    return typeof end === "number" ? (events.at(-1)?.seq ?? 0) >= end : hasSucceeded(events);
  });
  stop();
  door.close();
  return events;
}
