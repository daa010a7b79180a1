/* eslint-disable */
import * as types from './graphql';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  query Messages {\n    projects(first: 1) {\n      edges { node { name messages(first: 50) { edges { node { role status text } } } } }\n    }\n  }\n": typeof types.MessagesDocument,
    "\n  mutation CreateApiKey($input: CreateApiKeyInput!) {\n    createApiKey(input: $input) { apiKey { id } secret }\n  }\n": typeof types.CreateApiKeyDocument,
    "\n  mutation RevokeApiKey($input: RevokeApiKeyInput!) {\n    revokeApiKey(input: $input) { apiKey { id } }\n  }\n": typeof types.RevokeApiKeyDocument,
    "\n  query Viewer {\n    viewer { id email }\n  }\n": typeof types.ViewerDocument,
    "\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id name headCursor } }\n  }\n": typeof types.CreateProjectDocument,
    "\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { message { id text } run { id state } }\n  }\n": typeof types.SendMessageDocument,
    "\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageDelta { messageId offset text }\n      ... on MessageCompleted { message { id role status text } }\n      ... on RunStateChanged { run { id } state }\n    }\n  }\n": typeof types.WatchDocument,
};
const documents: Documents = {
    "\n  query Messages {\n    projects(first: 1) {\n      edges { node { name messages(first: 50) { edges { node { role status text } } } } }\n    }\n  }\n": types.MessagesDocument,
    "\n  mutation CreateApiKey($input: CreateApiKeyInput!) {\n    createApiKey(input: $input) { apiKey { id } secret }\n  }\n": types.CreateApiKeyDocument,
    "\n  mutation RevokeApiKey($input: RevokeApiKeyInput!) {\n    revokeApiKey(input: $input) { apiKey { id } }\n  }\n": types.RevokeApiKeyDocument,
    "\n  query Viewer {\n    viewer { id email }\n  }\n": types.ViewerDocument,
    "\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id name headCursor } }\n  }\n": types.CreateProjectDocument,
    "\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { message { id text } run { id state } }\n  }\n": types.SendMessageDocument,
    "\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageDelta { messageId offset text }\n      ... on MessageCompleted { message { id role status text } }\n      ... on RunStateChanged { run { id } state }\n    }\n  }\n": types.WatchDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Messages {\n    projects(first: 1) {\n      edges { node { name messages(first: 50) { edges { node { role status text } } } } }\n    }\n  }\n"): typeof import('./graphql').MessagesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateApiKey($input: CreateApiKeyInput!) {\n    createApiKey(input: $input) { apiKey { id } secret }\n  }\n"): typeof import('./graphql').CreateApiKeyDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RevokeApiKey($input: RevokeApiKeyInput!) {\n    revokeApiKey(input: $input) { apiKey { id } }\n  }\n"): typeof import('./graphql').RevokeApiKeyDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Viewer {\n    viewer { id email }\n  }\n"): typeof import('./graphql').ViewerDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id name headCursor } }\n  }\n"): typeof import('./graphql').CreateProjectDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { message { id text } run { id state } }\n  }\n"): typeof import('./graphql').SendMessageDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageDelta { messageId offset text }\n      ... on MessageCompleted { message { id role status text } }\n      ... on RunStateChanged { run { id } state }\n    }\n  }\n"): typeof import('./graphql').WatchDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
