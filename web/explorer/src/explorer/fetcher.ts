import type { Fetcher } from "@graphiql/toolkit";
import { type GraphQLSchema, Kind, type OperationDefinitionNode, parse } from "graphql";
import { post } from "../shared/api.ts";
import { token } from "../shared/session.ts";
import { subscription } from "./subscribe.ts";

/**
 * How GraphiQL reaches this server: queries and mutations by POST, subscriptions by
 * WebSocket, both as whoever is signed in unless the request's own headers say otherwise.
 */
export function fetcherFor(schema: GraphQLSchema | null): Fetcher {
  const send = async (
    { query, variables, operationName }: Parameters<Fetcher>[0],
    given: Record<string, string> = {},
  ) => {
    const chosen = choose(query, operationName);
    const operation = { query, variables: variables as Record<string, unknown>, operationName: chosen?.name?.value };
    const own = Object.entries(given).find(([name]) => name.toLowerCase() === "authorization")?.[1];
    if (chosen?.operation === "subscription") return subscription(operation, schema, own);
    const shown = own ? null : await token();
    const { answer } = await post<object>(operation, shown ? { ...given, Authorization: `Bearer ${shown}` } : given);
    return answer;
  };
  return ((params, options) => send(params, options?.headers)) as Fetcher;
}

/**
 * The operation to run. GraphiQL learns of a new text a moment late, so the name that
 * it gives may be that of the text before.
 */
function choose(query: string, name: string | null | undefined): OperationDefinitionNode | undefined {
  try {
    const operations = parse(query).definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
    const named = operations.find((operation) => operation.name?.value === name);
    return named ?? (operations.length === 1 ? operations[0] : undefined);
  } catch {
    return undefined; // the server says what is wrong with it
  }
}
