/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** A project to make. */
export type CreateProjectInput = {
  /** What it is about, at most 2,000 characters. */
  description?: string | null | undefined;
  /** At most 200 characters. The same key with the same input does nothing again for 24 hours and returns the same objects; with other input it is a CONFLICT. */
  idempotencyKey?: string | null | undefined;
  /** What it is called, 1–120 characters. */
  name: string;
  /** The organisation it belongs to; the viewer's personal one when it is not given. */
  organisationId?: string | number | null | undefined;
  /** The slug of the template whose files it starts with (`templates`); no files when it is not given. */
  template?: string | null | undefined;
};

/** What happened to a path, or to a branch. */
export type FileChange =
  /** It was not there before. */
  | 'CREATED'
  /** It is gone. */
  | 'DELETED'
  /** It has other content now, or another mode. */
  | 'MODIFIED';

/** Whose words a message holds. */
export type MessageRole =
  /** An agent's. */
  | 'ASSISTANT'
  /** Zeblit's own. */
  | 'SYSTEM'
  /** A person's, or what another agent says to the one at work: then `agent` says whose. */
  | 'USER';

/** Whether a message may still grow. */
export type MessageStatus =
  /** It is whole. */
  | 'COMPLETE'
  /** It ended early and stays as it was streamed; another takes its place. */
  | 'INTERRUPTED'
  /** More text may come. */
  | 'STREAMING';

/** A refresh token to exchange. */
export type RefreshSessionInput = {
  /** The newest refresh token of the session. */
  refreshToken: string;
};

/** Where a run stands. The last three are final. */
export type RunState =
  /** A person ended it, or nobody let it go on in time. */
  | 'CANCELLED'
  /** It could not be done; `error` says why. */
  | 'FAILED'
  /** A person has paused it, or a budget has no room for its next call. It keeps its turn in the conversation; after `--pause-timeout`, 7 days unless told otherwise, it is cancelled. */
  | 'PAUSED'
  /** It waits for a worker, or for the runs before it in its conversation. */
  | 'QUEUED'
  /** An agent works. */
  | 'RUNNING'
  /** It is done. */
  | 'SUCCEEDED'
  /** Other agents have to do something first. A message sent to it with STEER wakes it. */
  | 'WAITING_FOR_AGENTS'
  /** A person has to allow something. */
  | 'WAITING_FOR_APPROVAL'
  /** A person has to answer something. */
  | 'WAITING_FOR_INPUT';

/** A message to send. `projectId` alone begins a conversation, `conversationId` goes on with one. */
export type SendMessageInput = {
  /**
   * The slug of the agent to answer; "none" speaks to the people in the project only. When it is not given, the first agent that the text
   * mentions answers, as in "@engineer, look at this"; what stands in code is no mention.
   */
  agent?: string | null | undefined;
  /** Whether a thorough answer is wanted, of a model of the tier COMPLEX. Not with `quick`. */
  complex?: boolean | null | undefined;
  /** The conversation to go on with. */
  conversationId?: string | number | null | undefined;
  /** At most 200 characters. The same key with the same input does nothing again for 24 hours and returns the same objects; with other input it is a CONFLICT. */
  idempotencyKey?: string | null | undefined;
  /** The model to use, as `provider/name`, or the name where only one provider has it. Others answer where it doesn't. When it is not given the words of the message and the agent decide. */
  model?: string | null | undefined;
  /**
   * Whether the run works on a branch of its own, `run/` and its id, which begins at main when the run does; when it succeeds the
   * branch is merged into main. Not given or false: it works on main. Steering leaves that to the run that is steered.
   */
  ownBranch?: boolean | null | undefined;
  /** The project to begin a conversation in. */
  projectId?: string | number | null | undefined;
  /** Whether a quick answer is wanted, of a model of the tier QUICK. */
  quick?: boolean | null | undefined;
  /** The words, at most 32 KiB. */
  text: string;
  /** What happens while the conversation has a run that hasn't ended; QUEUE when it is not given. */
  whileBusy?: WhileBusy | null | undefined;
};

/** Credentials. */
export type SignInInput = {
  /** The account's e-mail address. */
  email: string;
  /** The account's password. */
  password: string;
};

/** What happens to a message for a conversation that has a run which hasn't ended. */
export type WhileBusy =
  /** The run under way (or else the first that waits) is cancelled, what it was saying ends INTERRUPTED, and the message's own run is next, ahead of those that wait. */
  | 'INTERRUPT'
  /** Its run waits for the others. */
  | 'QUEUE'
  /** It is refused with CONFLICT; the error names the run. */
  | 'REJECT'
  /**
   * It goes to the run under way (or else to the first that waits), whose model sees it before its next answer; `agent` and
   * `model` are that run's. Should the run succeed or fail without having seen it, the message gets a run of its own; when
   * somebody cancels the run, it goes with it.
   */
  | 'STEER';

export type SignInMutationVariables = Exact<{
  input: SignInInput;
}>;


export type SignInMutation = { signIn: { accessToken: string | null, refreshToken: string | null, expiresAt: string | null } };

export type RefreshSessionMutationVariables = Exact<{
  input: RefreshSessionInput;
}>;


export type RefreshSessionMutation = { refreshSession: { accessToken: string | null, refreshToken: string | null, expiresAt: string | null } };

export type ProjectsQueryVariables = Exact<{ [key: string]: never; }>;


export type ProjectsQuery = { viewer: { id: string, name: string } | null, projects: { edges: Array<{ node: { id: string, name: string, createdAt: string } }> } };

export type CreateProjectMutationVariables = Exact<{
  input: CreateProjectInput;
}>;


export type CreateProjectMutation = { createProject: { project: { id: string, name: string } } };

export type ProjectQueryVariables = Exact<{
  id: string | number;
}>;


export type ProjectQuery = { project: { id: string, name: string, headCursor: string, conversations: { edges: Array<{ node: { id: string } }> }, messages: { edges: Array<{ node: { id: string, role: MessageRole, status: MessageStatus, text: string } }> } } | null };

export type LineFragment = { id: string, role: MessageRole, status: MessageStatus, text: string };

export type SendMessageMutationVariables = Exact<{
  input: SendMessageInput;
}>;


export type SendMessageMutation = { sendMessage: { message: { id: string, conversation: { id: string } } } };

export type WatchSubscriptionVariables = Exact<{
  projectId: string | number;
  after?: string | null | undefined;
}>;


export type WatchSubscription = { projectEvents:
    | { __typename: 'ApprovalRequested', cursor: string, seq: number }
    | { __typename: 'ApprovalResolved', cursor: string, seq: number }
    | { __typename: 'BranchChanged', cursor: string, seq: number }
    | { __typename: 'BudgetReached', cursor: string, seq: number }
    | { __typename: 'CheckpointRestored', cursor: string, seq: number }
    | { __typename: 'CommandFinished', cursor: string, seq: number }
    | { __typename: 'CommandOutput', cursor: string, seq: number }
    | { __typename: 'CommandStarted', cursor: string, seq: number }
    | { __typename: 'ConsoleOutput', cursor: string, seq: number }
    | { __typename: 'ConversationChanged', cursor: string, seq: number }
    | { __typename: 'FileChanged', path: string, change: FileChange, cursor: string, seq: number }
    | { __typename: 'FindingChanged', cursor: string, seq: number }
    | { __typename: 'MergeChanged', cursor: string, seq: number }
    | { __typename: 'MessageAdded', cursor: string, seq: number, message: { id: string, role: MessageRole, status: MessageStatus, text: string } }
    | { __typename: 'MessageCompleted', cursor: string, seq: number, message: { id: string, role: MessageRole, status: MessageStatus, text: string } }
    | { __typename: 'MessageDelta', messageId: string, offset: number, text: string, cursor: string, seq: number }
    | { __typename: 'PlanChanged', cursor: string, seq: number }
    | { __typename: 'ProjectUpdated', cursor: string, seq: number }
    | { __typename: 'QuestionAnswered', cursor: string, seq: number }
    | { __typename: 'QuestionAsked', cursor: string, seq: number }
    | { __typename: 'RunStateChanged', state: RunState, cursor: string, seq: number }
    | { __typename: 'SandboxChanged', cursor: string, seq: number }
    | { __typename: 'StreamReset', cursor: string, seq: number }
    | { __typename: 'TaskChanged', cursor: string, seq: number }
    | { __typename: 'ToolCallFinished', cursor: string, seq: number }
    | { __typename: 'ToolCallOutput', cursor: string, seq: number }
    | { __typename: 'ToolCallStarted', cursor: string, seq: number, toolCall: { id: string, name: string } }
    | { __typename: 'UsageRecorded', cursor: string, seq: number }
   };

export const LineFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Line"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Message"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"text"}}]}}]} as unknown as DocumentNode<LineFragment, unknown>;
export const SignInDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"SignIn"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"SignInInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"signIn"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accessToken"}},{"kind":"Field","name":{"kind":"Name","value":"refreshToken"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}}]}}]} as unknown as DocumentNode<SignInMutation, SignInMutationVariables>;
export const RefreshSessionDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"RefreshSession"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"RefreshSessionInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"refreshSession"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accessToken"}},{"kind":"Field","name":{"kind":"Name","value":"refreshToken"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}}]}}]} as unknown as DocumentNode<RefreshSessionMutation, RefreshSessionMutationVariables>;
export const ProjectsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Projects"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"viewer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"projects"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"50"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}}]}}]}}]}}]} as unknown as DocumentNode<ProjectsQuery, ProjectsQueryVariables>;
export const CreateProjectDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateProject"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateProjectInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createProject"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"project"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]}}]} as unknown as DocumentNode<CreateProjectMutation, CreateProjectMutationVariables>;
export const ProjectDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Project"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"project"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"headCursor"}},{"kind":"Field","name":{"kind":"Name","value":"conversations"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}},{"kind":"Argument","name":{"kind":"Name","value":"kinds"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"CHAT"}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"messages"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"last"},"value":{"kind":"IntValue","value":"50"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Line"}}]}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Line"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Message"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"text"}}]}}]} as unknown as DocumentNode<ProjectQuery, ProjectQueryVariables>;
export const SendMessageDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"SendMessage"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"SendMessageInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"sendMessage"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"conversation"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}}]}}]} as unknown as DocumentNode<SendMessageMutation, SendMessageMutationVariables>;
export const WatchDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"Watch"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"projectId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Cursor"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"projectEvents"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"projectId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"projectId"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"seq"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"MessageAdded"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Line"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"MessageDelta"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"messageId"}},{"kind":"Field","name":{"kind":"Name","value":"offset"}},{"kind":"Field","name":{"kind":"Name","value":"text"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"MessageCompleted"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Line"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ToolCallStarted"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"toolCall"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"FileChanged"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"change"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RunStateChanged"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"state"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Line"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Message"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"text"}}]}}]} as unknown as DocumentNode<WatchSubscription, WatchSubscriptionVariables>;