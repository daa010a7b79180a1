import { useApolloClient, useMutation } from "@apollo/client/react";
import { type FormEvent, useEffect, useReducer, useRef, useState } from "react";
import { Project, SendMessage, Watch } from "./operations";
import { apply, begin, type Event, type Transcript } from "./transcript";

type Action = { read: Transcript } | { event: Event };
const reduce = (transcript: Transcript, action: Action) =>
  "read" in action ? action.read : apply(transcript, action.event);

/** Reads the project once and then follows it. After a StreamReset it reads it again. */
function useProject(projectId: string) {
  const client = useApolloClient();
  const [transcript, dispatch] = useReducer(reduce, begin([]));
  const [project, setProject] = useState({ name: "", conversationId: "" });
  const [error, setError] = useState("");
  const [readings, readAgain] = useReducer((count: number) => count + 1, 0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `readings` is what starts it anew
  useEffect(() => {
    let watching: { unsubscribe(): void } | undefined;
    let isOver = false;
    const fail = (problem: unknown) => setError(problem instanceof Error ? problem.message : String(problem));
    const start = async () => {
      const { data } = await client.query({ query: Project, variables: { id: projectId }, fetchPolicy: "no-cache" });
      if (!data?.project) throw new Error("There is no such project.");
      if (isOver) return;
      const { name, headCursor, conversations, messages } = data.project;
      setProject({ name, conversationId: conversations.edges[0]?.node.id ?? "" });
      dispatch({ read: begin(messages.edges.map((edge) => edge.node)) });
      watching = client
        .subscribe({ query: Watch, variables: { projectId, after: headCursor }, fetchPolicy: "no-cache" })
        .subscribe({
          next: ({ data, error }) => {
            if (error) fail(error);
            else if (data?.projectEvents.__typename === "StreamReset") readAgain();
            else if (data) dispatch({ event: data.projectEvents });
          },
          error: fail,
        });
    };
    start().catch(fail);
    return () => {
      isOver = true;
      watching?.unsubscribe();
    };
  }, [client, projectId, readings]);

  return { ...project, transcript, error };
}

export function Chat({ projectId, isConnected }: { projectId: string; isConnected: boolean }) {
  const { name, conversationId, transcript, error } = useProject(projectId);
  const [send, sending] = useMutation(SendMessage);
  const [conversation, setConversation] = useState("");
  const end = useRef<HTMLDivElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is new scrolls into view
  useEffect(() => {
    end.current?.scrollIntoView({ block: "end" });
  }, [transcript]);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = String(new FormData(form).get("text")).trim();
    const goOn = conversation || conversationId;
    const place = goOn ? { conversationId: goOn } : { projectId };
    const sent = await send({ variables: { input: { ...place, text, idempotencyKey: crypto.randomUUID() } } }).catch(
      () => null,
    );
    if (!sent?.data) return;
    form.reset();
    setConversation(sent.data.sendMessage.message.conversation.id);
  };

  const problem = error || sending.error?.message;
  return (
    <main>
      <header>
        <h2>{name}</h2>
        <span className={isConnected ? "live" : "live off"} role="status">
          {isConnected ? (transcript.state ?? "live").toLowerCase() : "reconnecting"}
        </span>
      </header>
      <div className="messages" role="log">
        {transcript.messages.map((message) => (
          <article key={message.id} className={message.role.toLowerCase()} data-status={message.status}>
            <p>{message.text}</p>
            {transcript.notes
              .filter((note) => note.after === message.id)
              .map((note) => (
                <code key={note.id}>{note.text}</code>
              ))}
          </article>
        ))}
        <div ref={end} />
      </div>
      {problem && <p role="alert">{problem}</p>}
      <form onSubmit={submit}>
        <input name="text" placeholder="What shall be built?" aria-label="Message" required autoComplete="off" />
        <button type="submit" disabled={sending.loading}>
          Send
        </button>
      </form>
    </main>
  );
}
