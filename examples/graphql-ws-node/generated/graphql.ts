/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
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


export type SignInMutation = { signIn: { accessToken: string | null } };

export type CreateProjectMutationVariables = Exact<{
  input: CreateProjectInput;
}>;


export type CreateProjectMutation = { createProject: { project: { id: string, headCursor: string } } };

export type SendMessageMutationVariables = Exact<{
  input: SendMessageInput;
}>;


export type SendMessageMutation = { sendMessage: { run: { id: string } | null } };

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
    | { __typename: 'MessageAdded', cursor: string, seq: number }
    | { __typename: 'MessageCompleted', cursor: string, seq: number, message: { role: MessageRole, status: MessageStatus } }
    | { __typename: 'MessageDelta', text: string, cursor: string, seq: number }
    | { __typename: 'PlanChanged', cursor: string, seq: number }
    | { __typename: 'ProjectUpdated', cursor: string, seq: number }
    | { __typename: 'QuestionAnswered', cursor: string, seq: number }
    | { __typename: 'QuestionAsked', cursor: string, seq: number }
    | { __typename: 'RunStateChanged', state: RunState, cursor: string, seq: number, run: { id: string, error: string | null } }
    | { __typename: 'SandboxChanged', cursor: string, seq: number }
    | { __typename: 'StreamReset', cursor: string, seq: number }
    | { __typename: 'TaskChanged', cursor: string, seq: number }
    | { __typename: 'ToolCallFinished', cursor: string, seq: number }
    | { __typename: 'ToolCallOutput', cursor: string, seq: number }
    | { __typename: 'ToolCallStarted', cursor: string, seq: number, toolCall: { name: string } }
    | { __typename: 'UsageRecorded', cursor: string, seq: number }
   };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const SignInDocument = new TypedDocumentString(`
    mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    accessToken
  }
}
    `) as unknown as TypedDocumentString<SignInMutation, SignInMutationVariables>;
export const CreateProjectDocument = new TypedDocumentString(`
    mutation CreateProject($input: CreateProjectInput!) {
  createProject(input: $input) {
    project {
      id
      headCursor
    }
  }
}
    `) as unknown as TypedDocumentString<CreateProjectMutation, CreateProjectMutationVariables>;
export const SendMessageDocument = new TypedDocumentString(`
    mutation SendMessage($input: SendMessageInput!) {
  sendMessage(input: $input) {
    run {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<SendMessageMutation, SendMessageMutationVariables>;
export const WatchDocument = new TypedDocumentString(`
    subscription Watch($projectId: ID!, $after: Cursor) {
  projectEvents(projectId: $projectId, after: $after) {
    __typename
    cursor
    seq
    ... on MessageDelta {
      text
    }
    ... on MessageCompleted {
      message {
        role
        status
      }
    }
    ... on ToolCallStarted {
      toolCall {
        name
      }
    }
    ... on FileChanged {
      path
      change
    }
    ... on RunStateChanged {
      run {
        id
        error
      }
      state
    }
  }
}
    `) as unknown as TypedDocumentString<WatchSubscription, WatchSubscriptionVariables>;