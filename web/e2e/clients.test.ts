import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { apollo, graphqlSse, graphqlWs, stockGraphqlWs, urql } from "./clients.js";
import { CreateProject, Viewer, Watch } from "./operations.js";
import { ownHost, type Server, startServer } from "./server.js";
import { deltas, type Event, hasSucceeded, replay, send, textOf, until, watchNew } from "./stream.js";

const doors = { "Apollo Client": apollo, "graphql-ws": graphqlWs, urql, "graphql-sse": graphqlSse };

describe.each(Object.entries(doors))("%s", (name, open) => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ ZEBLIT_DEMO_PACE: "100ms" }, ownHost());
  });
  afterAll(() => server?.close());

  test("asks and changes", async () => {
    const door = open(server);
    expect((await door.once(Viewer, {})).viewer?.email).toBe(server.owner.email);
    const made = await door.once(CreateProject, { input: { name: `Made with ${name}` } });
    expect(made.createProject.project).toMatchObject({ name: `Made with ${name}` });
    await expect(door.once(CreateProject, { input: { name: "" } })).rejects.toThrow();
    door.close();
  });

  test("goes on where the server was killed, twice, with nothing lost or doubled", async () => {
    const door = open(server);
    const { project, events, stop, waitFor } = await watchNew(door, `Cut with ${name}`);
    await send(door, project.id, "Build a to-do list page");
    for (const count of [5, 12]) {
      await waitFor(`${count} pieces of text`, () => deltas(events) >= count);
      expect(hasSucceeded(events)).toBe(false);
      await server.kill();
      await server.restart();
    }
    await waitFor("the run's end", () => hasSucceeded(events));
    stop();
    door.close();

    const last = events.at(-1)?.seq ?? 0;
    const first = events[0]?.seq ?? 0;
    expect(events.map((event) => event.seq)).toEqual(Array.from({ length: last - first + 1 }, (_, i) => first + i));
    const log = await replay(server, project.id, last);
    expect(log[0]?.seq).toBe(1);
    const same = log.slice(first - 1, last);
    expect(textOf(events)).toBe(textOf(same));
    expect(events).toMatchObject(same);
    expect(log.slice(0, first - 1).every((event) => event.__typename === "ProjectUpdated")).toBe(true);
  });
});

test("a stock client without resuming sees what happens from now on", async () => {
  const server = await startServer();
  onTestFinished(server.close);
  const door = stockGraphqlWs(server);
  const { project } = (await door.once(CreateProject, { input: { name: "Live" } })).createProject;
  const events: Event[] = [];
  let ended: unknown;
  const stop = door.watch(
    Watch,
    { projectId: project.id },
    (data) => events.push(data.projectEvents),
    (error) => {
      ended = error;
    },
  );
  // Nothing says when a subscription stands. Messages are sent until one is seen.
  for (let tries = 0; tries < 50 && events.length === 0; tries++) {
    await send(door, project.id, `Message ${tries}`);
    await until("an event", () => events.length > 0, 1_000).catch(() => {});
  }
  await until("a run's end", () => hasSucceeded(events));
  expect(ended).toBeUndefined();
  const seqs = events.map((event) => event.seq);
  expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i));
  stop();
  door.close();
});
