import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { resume, retryWs } from "@zeblit/resume";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { authorization } from "./session";

/** `connected` hears whether the live stream is up. */
export function makeClient(connected: (isUp: boolean) => void) {
  const http = new SetContextLink(async ({ headers }) => ({
    headers: { ...headers, Authorization: await authorization() },
  })).concat(new HttpLink({ uri: "/graphql" }));

  const live = new GraphQLWsLink(
    resume(
      createClient({
        url: `${location.origin.replace(/^http/, "ws")}/graphql`,
        connectionParams: async () => ({ Authorization: await authorization() }),
        ...retryWs(),
        on: { connected: () => connected(true), closed: () => connected(false) },
      }),
    ),
  );

  return new ApolloClient({
    link: ApolloLink.split(({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION, live, http),
    cache: new InMemoryCache(),
  });
}
