import agentsAndModels from "./agents-and-models.graphql?raw";
import cancelRun from "./cancel-run.graphql?raw";
import createApiKey from "./create-api-key.graphql?raw";
import createProject from "./create-project.graphql?raw";
import decideDeviceCode from "./decide-device-code.graphql?raw";
import deviceCode from "./device-code.graphql?raw";
import type { Known } from "./known.ts";
import listApiKeys from "./list-api-keys.graphql?raw";
import listFiles from "./list-files.graphql?raw";
import listProjects from "./list-projects.graphql?raw";
import listRuns from "./list-runs.graphql?raw";
import readConversation from "./read-conversation.graphql?raw";
import readFile from "./read-file.graphql?raw";
import revokeApiKey from "./revoke-api-key.graphql?raw";
import sendMessage from "./send-message.graphql?raw";
import serverInfo from "./server-info.graphql?raw";
import watchProject from "./watch-project.graphql?raw";
import watchRun from "./watch-run.graphql?raw";
import whoAmI from "./who-am-i.graphql?raw";

export interface Example {
  title: string;
  about: string;
  query: string;
  variables?: (known: Known) => Record<string, unknown>;
}

/** What stands for an id that isn't known yet. */
const project = (known: Known) => known.projectId ?? "prj_…";
const run = (known: Known) => known.runId ?? "run_…";

/** The operations of every main flow, in the order in which somebody new meets them. */
export const examples: { name: string; examples: Example[] }[] = [
  {
    name: "Begin",
    examples: [
      { title: "Server info", about: "Its version, and whether the demo model answers", query: serverInfo },
      { title: "Who am I?", about: "The viewer and their organisations", query: whoAmI },
      { title: "Agents and models", about: "Who can be asked, and with which model", query: agentsAndModels },
    ],
  },
  {
    name: "Projects",
    examples: [
      {
        title: "Create a project",
        about: "Everything happens in one",
        query: createProject,
        variables: () => ({ input: { name: "To-do", description: "A small page to try things out" } }),
      },
      {
        title: "List projects",
        about: "Newest first, a page at a time",
        query: listProjects,
        variables: () => ({ first: 20, after: null }),
      },
    ],
  },
  {
    name: "Work with an agent",
    examples: [
      {
        title: "Send a message",
        about: "Starts a run in your newest project",
        query: sendMessage,
        variables: (known) => ({ input: { projectId: project(known), text: "Build a to-do list page" } }),
      },
      {
        title: "Watch a project",
        about: "Every event from the start, then live",
        query: watchProject,
        variables: (known) => ({ projectId: project(known), after: "start" }),
      },
      {
        title: "Watch a run",
        about: "Only what belongs to one run",
        query: watchRun,
        variables: (known) => ({ runId: run(known), after: "start" }),
      },
      {
        title: "Read the conversation",
        about: "The latest messages and their tool calls",
        query: readConversation,
        variables: (known) => ({ projectId: project(known) }),
      },
      {
        title: "List runs",
        about: "Where they stand and what they used",
        query: listRuns,
        variables: (known) => ({ projectId: project(known) }),
      },
      {
        title: "Cancel a run",
        about: "Ends the newest run",
        query: cancelRun,
        variables: (known) => ({ input: { runId: run(known) } }),
      },
    ],
  },
  {
    name: "Files",
    examples: [
      {
        title: "List files",
        about: "With the history of commits",
        query: listFiles,
        variables: (known) => ({ projectId: project(known) }),
      },
      {
        title: "Read a file",
        about: "Its text on the main branch",
        query: readFile,
        variables: (known) => ({ projectId: project(known), path: known.path ?? "index.html" }),
      },
    ],
  },
  {
    name: "Access",
    examples: [
      { title: "List API keys", about: "Yours, with when each was last used", query: listApiKeys },
      {
        title: "Create an API key",
        about: "For scripts and programs",
        query: createApiKey,
        variables: () => ({ input: { name: "From the explorer" } }),
      },
      {
        title: "Revoke an API key",
        about: "It ends at once",
        query: revokeApiKey,
        variables: () => ({ input: { apiKeyId: "key_…" } }),
      },
      {
        title: "Look up a device code",
        about: "Which program asks to sign in",
        query: deviceCode,
        variables: () => ({ userCode: "WDJB-MJHT" }),
      },
      {
        title: "Decide on a device code",
        about: "Approve or deny a program",
        query: decideDeviceCode,
        variables: () => ({ input: { userCode: "WDJB-MJHT", decision: "DENY" } }),
      },
    ],
  },
];
