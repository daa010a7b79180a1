import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { cacheExchange, fetchExchange, subscriptionExchange, Client as UrqlClient } from "@urql/core";
import { resume, retrySse, retryWs } from "@zeblit/resume";
import { OperationTypeNode, parse } from "graphql";
import { createClient as createSse } from "graphql-sse";
import { createClient as createWs } from "graphql-ws";
import WebSocket from "ws";
import type { TypedDocumentString } from "./generated/graphql.js";
import type { Server } from "./server.js";

/** One GraphQL client library, used as its users use it. */
export interface Door {
  /** A query or mutation. */
  once<Data, Variables>(operation: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data>;
  /** A subscription, until the returned function is called. `ended` hears an error, or nothing where the server ended it. */
  watch<Data, Variables>(
    operation: TypedDocumentString<Data, Variables>,
    variables: Variables,
    next: (data: Data) => void,
    ended: (error?: unknown) => void,
  ): () => void;
  close(): void;
}

type Result = { data?: unknown; errors?: unknown };
type Variables = Record<string, unknown>;

function dataOf<Data>({ data, errors }: Result): Data {
  if (data && !errors) return data as Data;
  throw new Error(`refused: ${JSON.stringify(errors)}`);
}

const bearer = (server: Server) => ({ Authorization: `Bearer ${server.owner.apiKey}` });

/** A socket client that goes on after a cut. */
const socket = (server: Server) =>
  resume(createWs({ url: server.ws, webSocketImpl: WebSocket, connectionParams: bearer(server), ...retryWs() }));

type Lib = ReturnType<typeof createWs> | ReturnType<typeof createSse>;

/** `graphql-ws` and `graphql-sse` are used in the same way. */
function door(client: Lib): Door {
  return {
    once: async (operation, variables) => {
      const payload = { query: operation.toString(), variables: variables as Variables };
      for await (const result of client.iterate(payload)) return dataOf(result as Result);
      throw new Error("the client ended without a result");
    },
    watch: (operation, variables, next, ended) =>
      client.subscribe(
        { query: operation.toString(), variables: variables as Variables },
        { next: (result) => next(dataOf(result as Result)), error: ended, complete: () => ended() },
      ),
    close: () => void client.dispose(),
  };
}

export const graphqlWs = (server: Server): Door => door(socket(server));

/** `graphql-ws` as it comes, without what `@zeblit/resume` adds. */
export const stockGraphqlWs = (server: Server): Door =>
  door(createWs({ url: server.ws, webSocketImpl: WebSocket, connectionParams: bearer(server) }));

export const graphqlSse = (server: Server): Door =>
  door(resume(createSse({ url: `${server.url}/graphql`, headers: bearer(server), ...retrySse() })));

export function apollo(server: Server): Door {
  const ws = socket(server);
  const http = new HttpLink({ uri: `${server.url}/graphql`, headers: bearer(server) });
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(ws),
      http,
    ),
    cache: new InMemoryCache(),
  });
  return {
    once: async (operation, variables) => {
      const document = parse(operation.toString());
      const [definition] = document.definitions;
      const isQuery = definition?.kind === "OperationDefinition" && definition.operation === OperationTypeNode.QUERY;
      const options = { variables: variables as Variables, fetchPolicy: "no-cache" as const };
      const { data } = isQuery
        ? await client.query({ query: document, ...options })
        : await client.mutate({ mutation: document, ...options });
      return dataOf({ data });
    },
    watch: (operation, variables, next, ended) => {
      const query = parse(operation.toString());
      const options = { query, variables: variables as Variables, fetchPolicy: "no-cache" as const };
      const watching = client.subscribe(options).subscribe({
        next: ({ data, error }) => (error ? ended(error) : next(dataOf({ data }))),
        error: ended,
        complete: () => ended(),
      });
      return () => watching.unsubscribe();
    },
    close: () => {
      client.stop();
      void ws.dispose();
    },
  };
}

export function urql(server: Server): Door {
  const ws = socket(server);
  const client = new UrqlClient({
    url: `${server.url}/graphql`,
    fetchOptions: { headers: bearer(server) },
    preferGetMethod: false,
    exchanges: [
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = "", variables = {} }) => ({
          subscribe: (sink) => ({
            unsubscribe: ws.subscribe(
              { query, variables: variables as Variables },
              { next: (result) => sink.next(result as never), error: sink.error, complete: sink.complete },
            ),
          }),
        }),
      }),
    ],
  });
  return {
    once: async (operation, variables) => {
      const query = operation.toString();
      const isQuery = query.trimStart().startsWith("query");
      const { data, error } = isQuery
        ? await client.query(query, variables as Variables)
        : await client.mutation(query, variables as Variables);
      return dataOf({ data, errors: error });
    },
    watch: (operation, variables, next, ended) => {
      const watching = client
        .subscription(operation.toString(), variables as Variables)
        .subscribe(({ data, error }) => (error ? ended(error) : next(dataOf({ data }))));
      return () => watching.unsubscribe();
    },
    close: () => void ws.dispose(),
  };
}
