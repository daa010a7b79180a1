/** A project's log: events 1 to head, whose cursors are c1, c2 … */
export interface Log {
  head: number;
}

export interface Event {
  __typename?: string;
  cursor: string;
  seq?: number;
}

export interface Result {
  data?: { projectEvents?: Event } | null;
  errors?: unknown;
}

export interface Sink {
  next(result: Result): void;
  error(error: unknown): void;
  complete(): void;
}

export interface Payload {
  query: string;
  variables?: Record<string, unknown>;
}

export const watchQuery = "subscription($projectId: ID!, $after: Cursor) { projectEvents { __typename seq cursor } }";

/**
 * A client as `graphql-ws` and `graphql-sse` are: it holds one payload and writes it out anew with each connection, to a
 * server that answers what the payload asks for. The test says when events come and when the connection is cut.
 */
export class FlakyClient {
  /** What each connection asked to go on after. */
  readonly afters: unknown[] = [];
  disposed = false;
  /** False for an operation that has no variables: the server starts where restartAt says. */
  variablesRead = true;
  private at = 0;
  private payload: Payload | undefined;
  private sink: Sink | undefined;

  constructor(readonly log: Log) {}

  asClient() {
    return {
      subscribe: (payload: Payload, sink: Sink): (() => void) => {
        this.payload = payload;
        this.sink = sink;
        this.connect();
        return () => {
          this.disposed = true;
        };
      },
      iterate: (_: Payload): AsyncIterableIterator<Result> => {
        throw new Error("the wrapped client's own iterate repeats its payload");
      },
    };
  }

  cut() {
    this.connect();
  }

  restartAt(seq: number) {
    this.at = seq;
  }

  /** Sends the next events, as far as there are any. */
  deliver(count: number) {
    for (let i = 0; i < count && this.at < this.log.head; i++) {
      this.at++;
      this.send({ __typename: "MessageDelta", cursor: `c${this.at}`, seq: this.at });
    }
  }

  send(event: Event) {
    this.raw({ data: { projectEvents: event } });
  }

  raw(result: object) {
    this.sink?.next(result as Result);
  }

  fail(error: Error) {
    this.sink?.error(error);
  }

  end() {
    this.sink?.complete();
  }

  private connect() {
    const sent = JSON.parse(JSON.stringify(this.payload)) as Payload;
    const after = sent.variables?.after;
    this.afters.push(after);
    if (!this.variablesRead) return;
    if (after === undefined) this.at = this.log.head;
    else this.at = after === "start" ? 0 : Number(String(after).slice(1));
  }
}
