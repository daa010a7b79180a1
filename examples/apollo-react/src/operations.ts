import { graphql } from "./generated";

export const SignIn = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) { accessToken refreshToken expiresAt }
  }
`);

export const RefreshSession = graphql(`
  mutation RefreshSession($input: RefreshSessionInput!) {
    refreshSession(input: $input) { accessToken refreshToken expiresAt }
  }
`);

export const Projects = graphql(`
  query Projects {
    viewer { id name }
    projects(first: 50) { edges { node { id name createdAt } } }
  }
`);

export const CreateProject = graphql(`
  mutation CreateProject($input: CreateProjectInput!) {
    createProject(input: $input) { project { id name } }
  }
`);

/** The messages, and the cursor to watch from: what came before it is in them. */
export const Project = graphql(`
  query Project($id: ID!) {
    project(id: $id) {
      id
      name
      headCursor
      conversations(first: 1, kinds: [CHAT]) { edges { node { id } } }
      messages(last: 50) { edges { node { ...Line } } }
    }
  }
`);

graphql(`
  fragment Line on Message {
    id
    role
    status
    text
  }
`);

export const SendMessage = graphql(`
  mutation SendMessage($input: SendMessageInput!) {
    sendMessage(input: $input) { message { id conversation { id } } }
  }
`);

export const Watch = graphql(`
  subscription Watch($projectId: ID!, $after: Cursor) {
    projectEvents(projectId: $projectId, after: $after) {
      __typename
      cursor
      seq
      ... on MessageAdded { message { ...Line } }
      ... on MessageDelta { messageId offset text }
      ... on MessageCompleted { message { ...Line } }
      ... on ToolCallStarted { toolCall { id name } }
      ... on FileChanged { path change }
      ... on RunStateChanged { state }
    }
  }
`);
