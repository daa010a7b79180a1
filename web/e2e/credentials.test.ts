import { resume, retryWs } from "@zeblit/resume";
import { createClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import WebSocket from "ws";
import { graphqlWs } from "./clients.js";
import type { WatchSubscription } from "./generated/graphql.js";
import { graphql } from "./generated/index.js";
import { CreateProject, Watch } from "./operations.js";
import { startServer } from "./server.js";
import { deltas, type Event, hasSucceeded, send, until } from "./stream.js";

const CreateApiKey = graphql(`
  mutation CreateApiKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) { apiKey { id } secret }
  }
`);
const RevokeApiKey = graphql(`
  mutation RevokeApiKey($input: RevokeApiKeyInput!) {
    revokeApiKey(input: $input) { apiKey { id } }
  }
`);

test("a revoked key ends the socket, and a fresh one goes on where it was", async () => {
  const server = await startServer({ ZEBLIT_DEMO_PACE: "25ms" });
  onTestFinished(server.close);
  const owner = graphqlWs(server);
  const { project } = (await owner.once(CreateProject, { input: { name: "Keys" } })).createProject;
  const first = (await owner.once(CreateApiKey, { input: { name: "first" } })).createApiKey;

  let key = first.secret;
  const closed: number[] = [];
  const client = resume(
    createClient({
      url: server.ws,
      webSocketImpl: WebSocket,
      connectionParams: () => ({ Authorization: `Bearer ${key}` }),
      ...retryWs(),
      on: { closed: (event) => closed.push((event as CloseEvent).code) },
    }),
  );
  const events: Event[] = [];
  let failed: unknown;
  client.subscribe<WatchSubscription>(
    { query: Watch.toString(), variables: { projectId: project.id, after: project.headCursor } },
    {
      next: ({ data }) => data && events.push(data.projectEvents),
      error: (error) => {
        failed = error;
      },
      complete: () => {},
    },
  );
  await send(owner, project.id, "Build a to-do list page");
  await until("some text", () => deltas(events) >= 5);
  key = (await owner.once(CreateApiKey, { input: { name: "second" } })).createApiKey.secret;
  await owner.once(RevokeApiKey, { input: { apiKeyId: first.apiKey.id } });
  await until("the run's end", () => hasSucceeded(events));
  await until("the refusal", () => closed.includes(4403));
  expect(failed).toBeUndefined();
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => (events[0]?.seq ?? 0) + i));

  // With nothing but a revoked key it gives up, and says why.
  key = first.secret;
  client.terminate();
  await until("the end", () => failed !== undefined);
  expect(failed).toMatchObject({ code: 4403 });
  owner.close();
});
