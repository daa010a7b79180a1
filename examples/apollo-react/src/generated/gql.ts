/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

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
    "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) { accessToken refreshToken expiresAt }\n  }\n": typeof types.SignInDocument,
    "\n  mutation RefreshSession($input: RefreshSessionInput!) {\n    refreshSession(input: $input) { accessToken refreshToken expiresAt }\n  }\n": typeof types.RefreshSessionDocument,
    "\n  query Projects {\n    viewer { id name }\n    projects(first: 50) { edges { node { id name createdAt } } }\n  }\n": typeof types.ProjectsDocument,
    "\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id name } }\n  }\n": typeof types.CreateProjectDocument,
    "\n  query Project($id: ID!) {\n    project(id: $id) {\n      id\n      name\n      headCursor\n      conversations(first: 1, kinds: [CHAT]) { edges { node { id } } }\n      messages(last: 50) { edges { node { ...Line } } }\n    }\n  }\n": typeof types.ProjectDocument,
    "\n  fragment Line on Message {\n    id\n    role\n    status\n    text\n  }\n": typeof types.LineFragmentDoc,
    "\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { message { id conversation { id } } }\n  }\n": typeof types.SendMessageDocument,
    "\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageAdded { message { ...Line } }\n      ... on MessageDelta { messageId offset text }\n      ... on MessageCompleted { message { ...Line } }\n      ... on ToolCallStarted { toolCall { id name } }\n      ... on FileChanged { path change }\n      ... on RunStateChanged { state }\n    }\n  }\n": typeof types.WatchDocument,
};
const documents: Documents = {
    "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) { accessToken refreshToken expiresAt }\n  }\n": types.SignInDocument,
    "\n  mutation RefreshSession($input: RefreshSessionInput!) {\n    refreshSession(input: $input) { accessToken refreshToken expiresAt }\n  }\n": types.RefreshSessionDocument,
    "\n  query Projects {\n    viewer { id name }\n    projects(first: 50) { edges { node { id name createdAt } } }\n  }\n": types.ProjectsDocument,
    "\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id name } }\n  }\n": types.CreateProjectDocument,
    "\n  query Project($id: ID!) {\n    project(id: $id) {\n      id\n      name\n      headCursor\n      conversations(first: 1, kinds: [CHAT]) { edges { node { id } } }\n      messages(last: 50) { edges { node { ...Line } } }\n    }\n  }\n": types.ProjectDocument,
    "\n  fragment Line on Message {\n    id\n    role\n    status\n    text\n  }\n": types.LineFragmentDoc,
    "\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { message { id conversation { id } } }\n  }\n": types.SendMessageDocument,
    "\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageAdded { message { ...Line } }\n      ... on MessageDelta { messageId offset text }\n      ... on MessageCompleted { message { ...Line } }\n      ... on ToolCallStarted { toolCall { id name } }\n      ... on FileChanged { path change }\n      ... on RunStateChanged { state }\n    }\n  }\n": types.WatchDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) { accessToken refreshToken expiresAt }\n  }\n"): (typeof documents)["\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) { accessToken refreshToken expiresAt }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RefreshSession($input: RefreshSessionInput!) {\n    refreshSession(input: $input) { accessToken refreshToken expiresAt }\n  }\n"): (typeof documents)["\n  mutation RefreshSession($input: RefreshSessionInput!) {\n    refreshSession(input: $input) { accessToken refreshToken expiresAt }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Projects {\n    viewer { id name }\n    projects(first: 50) { edges { node { id name createdAt } } }\n  }\n"): (typeof documents)["\n  query Projects {\n    viewer { id name }\n    projects(first: 50) { edges { node { id name createdAt } } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id name } }\n  }\n"): (typeof documents)["\n  mutation CreateProject($input: CreateProjectInput!) {\n    createProject(input: $input) { project { id name } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Project($id: ID!) {\n    project(id: $id) {\n      id\n      name\n      headCursor\n      conversations(first: 1, kinds: [CHAT]) { edges { node { id } } }\n      messages(last: 50) { edges { node { ...Line } } }\n    }\n  }\n"): (typeof documents)["\n  query Project($id: ID!) {\n    project(id: $id) {\n      id\n      name\n      headCursor\n      conversations(first: 1, kinds: [CHAT]) { edges { node { id } } }\n      messages(last: 50) { edges { node { ...Line } } }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Line on Message {\n    id\n    role\n    status\n    text\n  }\n"): (typeof documents)["\n  fragment Line on Message {\n    id\n    role\n    status\n    text\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { message { id conversation { id } } }\n  }\n"): (typeof documents)["\n  mutation SendMessage($input: SendMessageInput!) {\n    sendMessage(input: $input) { message { id conversation { id } } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageAdded { message { ...Line } }\n      ... on MessageDelta { messageId offset text }\n      ... on MessageCompleted { message { ...Line } }\n      ... on ToolCallStarted { toolCall { id name } }\n      ... on FileChanged { path change }\n      ... on RunStateChanged { state }\n    }\n  }\n"): (typeof documents)["\n  subscription Watch($projectId: ID!, $after: Cursor) {\n    projectEvents(projectId: $projectId, after: $after) {\n      __typename\n      cursor\n      seq\n      ... on MessageAdded { message { ...Line } }\n      ... on MessageDelta { messageId offset text }\n      ... on MessageCompleted { message { ...Line } }\n      ... on ToolCallStarted { toolCall { id name } }\n      ... on FileChanged { path change }\n      ... on RunStateChanged { state }\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;