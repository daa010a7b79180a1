import { randomUUID } from "node:crypto";
import { resume, retryWs } from "@zeblit/resume";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import type { TypedDocumentString } from "./generated/graphql.js";
import { graphql } from "./generated/index.js";

const url = process.env.ZEBLIT_URL ?? "http://127.0.0.1:8080";
const text = process.argv[2] ?? "Build a to-do list page";

const SignIn = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) { accessToken }
  }
`);
const CreateProject = graphql(`
  mutation CreateProject($input: CreateProjectInput!) {
    createProject(input: $input) { project { id headCursor } }
  }
`);
const SendMessage = graphql(`
  mutation SendMessage($input: SendMessageInput!) {
    sendMessage(input: $input) { run { id } }
  }
`);
const Watch = graphql(`
  subscription Watch($projectId: ID!, $after: Cursor) {
    projectEvents(projectId: $projectId, after: $after) {
      __typename
      cursor
      seq
      ... on MessageDelta { text }
      ... on MessageCompleted { message { role status } }
      ... on ToolCallStarted { toolCall { name } }
      ... on FileChanged { path change }
      ... on RunStateChanged { run { id error } state }
    }
  }
`);

/** Shown again with each new connection: a fresh access token where there is no API key. */
async function authorization(): Promise<string> {
  if (process.env.ZEBLIT_API_KEY) return `Bearer ${process.env.ZEBLIT_API_KEY}`;
  const input = { email: process.env.ZEBLIT_EMAIL ?? "", password: process.env.ZEBLIT_PASSWORD ?? "" };
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: SignIn.toString(), variables: { input } }),
  });
  const { data, errors } = (await response.json()) as {
    data?: { signIn: { accessToken: string | null } } | null;
    errors?: { message: string }[];
  };
  if (!data?.signIn.accessToken) throw new Error(errors?.[0]?.message ?? "a further step is due to sign in");
  return `Bearer ${data.signIn.accessToken}`;
}

const client = resume(
  createClient({
    url: `${url.replace(/^http/, "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ Authorization: await authorization() }),
    ...retryWs(),
    on: { closed: () => console.error("[the connection is closed]"), connected: () => console.error("[connected]") },
  }),
);

function run<Data, Variables extends Record<string, unknown>>(
  operation: TypedDocumentString<Data, Variables>,
  variables: Variables,
) {
  return client.iterate<Data>({ query: operation.toString(), variables });
}

async function once<Data, Variables extends Record<string, unknown>>(
  operation: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  for await (const { data, errors } of run(operation, variables)) {
    if (data) return data as Data;
    throw new Error(errors?.[0]?.message ?? "no data");
  }
  throw new Error("no result");
}

// An idempotency key makes it safe that the client sends an operation again after a cut.
const { project } = (await once(CreateProject, { input: { name: text.slice(0, 120), idempotencyKey: randomUUID() } }))
  .createProject;
const sent = await once(SendMessage, { input: { projectId: project.id, text, idempotencyKey: randomUUID() } });
console.error(`[project ${project.id}]`);

for await (const { data, errors } of run(Watch, { projectId: project.id, after: project.headCursor })) {
  const event = data?.projectEvents;
  if (!event) throw new Error(errors?.[0]?.message ?? "no event");
  if (event.__typename === "MessageDelta") process.stdout.write(event.text);
  if (event.__typename === "MessageCompleted" && event.message.role === "ASSISTANT") process.stdout.write("\n");
  if (event.__typename === "ToolCallStarted") console.error(`[tool ${event.toolCall.name}]`);
  if (event.__typename === "FileChanged") console.error(`[${event.change.toLowerCase()} ${event.path}]`);
  if (event.__typename === "RunStateChanged" && event.run.id === sent.sendMessage.run?.id) {
    console.error(`[run ${event.state.toLowerCase()}]`);
    if (event.state === "FAILED" || event.state === "CANCELLED") process.exitCode = 1;
    if (event.state === "SUCCEEDED" || process.exitCode === 1) break;
  }
}
