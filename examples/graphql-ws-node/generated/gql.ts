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
    "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) { accessToken }\n  }\n": typeof types.SignInDocument,
    "\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id headCursor } }\n  }\n": typeof types.CreateProjectDocument,
    "\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { run { id } }\n  }\n": typeof types.SendMessageDocument,
    "\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageDelta { text }\n      ... on MessageCompleted { message { role status } }\n      ... on ToolCallStarted { toolCall { name } }\n      ... on FileChanged { path change }\n      ... on RunStateChanged { run { id error } state }\n    }\n  }\n": typeof types.WatchDocument,
};
const documents: Documents = {
    "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) { accessToken }\n  }\n": types.SignInDocument,
    "\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id headCursor } }\n  }\n": types.CreateProjectDocument,
    "\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { run { id } }\n  }\n": types.SendMessageDocument,
    "\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageDelta { text }\n      ... on MessageCompleted { message { role status } }\n      ... on ToolCallStarted { toolCall { name } }\n      ... on FileChanged { path change }\n      ... on RunStateChanged { run { id error } state }\n    }\n  }\n": types.WatchDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) { accessToken }\n  }\n"): typeof import('./graphql').SignInDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id headCursor } }\n  }\n"): typeof import('./graphql').CreateProjectDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { run { id } }\n  }\n"): typeof import('./graphql').SendMessageDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageDelta { text }\n      ... on MessageCompleted { message { role status } }\n      ... on ToolCallStarted { toolCall { name } }\n      ... on FileChanged { path change }\n      ... on RunStateChanged { run { id error } state }\n    }\n  }\n"): typeof import('./graphql').WatchDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
