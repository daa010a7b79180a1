import type { LineFragment, RunState, WatchSubscription } from "./generated/graphql";

export type Event = WatchSubscription["projectEvents"];

/** What the chat shows. Nothing here is undone by an event that comes a second time. */
export interface Transcript {
  messages: LineFragment[];
  /** What agents do, newest last, beneath the message it follows. */
  notes: { id: string; after: string | undefined; text: string }[];
  state: RunState | undefined;
}

export const begin = (messages: LineFragment[]): Transcript => ({ messages, notes: [], state: undefined });

export function apply(transcript: Transcript, event: Event): Transcript {
  const { messages, notes } = transcript;
  const note = (id: string, text: string): Transcript =>
    notes.some((known) => known.id === id)
      ? transcript
      : { ...transcript, notes: [...notes, { id, after: messages.at(-1)?.id, text }] };

  switch (event.__typename) {
    case "MessageAdded":
    case "MessageCompleted":
      return { ...transcript, messages: put(messages, event.message) };
    case "MessageDelta":
      return {
        ...transcript,
        messages: messages.map((message) =>
          message.id === event.messageId
            ? { ...message, text: message.text.slice(0, event.offset) + event.text }
            : message,
        ),
      };
    case "ToolCallStarted":
      return note(event.toolCall.id, event.toolCall.name);
    case "FileChanged":
      return note(event.cursor, `${event.change.toLowerCase()} ${event.path}`);
    case "RunStateChanged":
      return { ...transcript, state: event.state };
    default:
      return transcript;
  }
}

function put(messages: LineFragment[], message: LineFragment) {
  return messages.some(({ id }) => id === message.id)
    ? messages.map((known) => (known.id === message.id ? message : known))
    : [...messages, message];
}
