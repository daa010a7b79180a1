import { graphql } from "./generated/index.js";

/** The operations that each client is tested with. */
export const Viewer = graphql(`
  query Viewer {
    viewer { id email }
  }
`);
export const CreateProject = graphql(`
  mutation CreateProject($input: CreateProjectInput!) {
    createProject(input: $input) { project { id name headCursor } }
  }
`);
export const SendMessage = graphql(`
  mutation SendMessage($input: SendMessageInput!) {
    sendMessage(input: $input) { message { id text } run { id state } }
  }
`);
export const Watch = graphql(`
  subscription Watch($projectId: ID!, $after: Cursor) {
    projectEvents(projectId: $projectId, after: $after) {
      __typename
      cursor
      seq
      ... on MessageDelta { messageId offset text }
      ... on MessageCompleted { message { id role status text } }
      ... on RunStateChanged { run { id } state }
    }
  }
`);
