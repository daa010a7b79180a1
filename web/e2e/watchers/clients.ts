import { ApolloClient, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { resume, retrySse, retryWs } from "@zeblit/resume";
import { parse } from "graphql";
import { createClient as createSse } from "graphql-sse";
import { createClient as createWs } from "graphql-ws";
import WebSocket from "ws";

/** What to watch, where and as whom. */
export interface Subject {
  /** The servers' addresses. Each connection goes to one of them, by chance. */
  urls: string[];
  key: string;
  query: string;
  variables: Record<string, unknown>;
}

/** Who hears of it. */
export interface Listener {
  /** The client has connected, not for the first time perhaps. */
  connected(): void;
  /** Its socket was closed with that code. */
  closed(code: number): void;
  next(result: unknown): void;
  /** It tries no more: after an error, or nothing where the server completed. */
  ended(error?: unknown): void;
}

export type Watch = (subject: Subject, listener: Listener) => () => void;

// Apollo's link asks for the global one, which Node has from version 22 on.
Object.assign(globalThis, { WebSocket });

const oneOf = (urls: string[]) => urls[Math.floor(Math.random() * urls.length)] ?? "";

const socket = ({ urls, key }: Subject, listener: Listener) =>
  resume(
    createWs({
      url: () => `${oneOf(urls).replace("http", "ws")}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: `Bearer ${key}` },
      on: {
        connected: () => listener.connected(),
        closed: (event) => listener.closed((event as { code?: number }).code ?? 0),
      },
      ...retryWs(),
    }),
  );

/** One that is just connecting, in vain, has nothing to say any more. */
const dispose = (client: { dispose(): void | Promise<void> }) => void Promise.resolve(client.dispose()).catch(() => {});

const graphqlWs: Watch = (subject, listener) => {
  const client = socket(subject, listener);
  const { query, variables } = subject;
  const sink = { next: listener.next, error: listener.ended, complete: () => listener.ended() };
  const stop = client.subscribe({ query, variables }, sink);
  return () => {
    stop();
    dispose(client);
  };
};

const graphqlSse: Watch = (subject, listener) => {
  const { urls, key, query, variables } = subject;
  const { fetchFn, ...retry } = retrySse();
  const heard: typeof fetchFn = async (...args) => {
    const response = await fetchFn(...args);
    listener.connected();
    return response;
  };
  const headers = { Authorization: `Bearer ${key}` };
  const client = resume(createSse({ url: () => `${oneOf(urls)}/graphql`, headers, fetchFn: heard, ...retry }));
  const sink = { next: listener.next, error: listener.ended, complete: () => listener.ended() };
  const stop = client.subscribe({ query, variables }, sink);
  return () => {
    stop();
    dispose(client);
  };
};

const apollo: Watch = (subject, listener) => {
  const ws = socket(subject, listener);
  const client = new ApolloClient({ link: new GraphQLWsLink(ws), cache: new InMemoryCache() });
  const { variables } = subject;
  const options = { query: parse(subject.query), variables, fetchPolicy: "no-cache", errorPolicy: "all" } as const;
  const watching = client.subscribe(options).subscribe({
    next: ({ data, error }) => (data ? listener.next({ data }) : listener.ended(error)),
    error: listener.ended,
    complete: () => listener.ended(),
  });
  return () => {
    watching.unsubscribe();
    client.stop();
    dispose(ws);
  };
};

/** The libraries, each with a client of its own for each subscription, used as its users use it. */
export const libraries: Record<string, Watch> = {
  "graphql-ws": graphqlWs,
  "graphql-sse": graphqlSse,
  "Apollo Client": apollo,
};
