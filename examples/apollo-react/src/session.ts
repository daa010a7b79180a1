import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import type { RefreshSessionMutation, SignInMutation } from "./generated/graphql";
import { RefreshSession, SignIn } from "./operations";

type Tokens = SignInMutation["signIn"] | RefreshSessionMutation["refreshSession"];

let tokens: Promise<Tokens> | undefined;

/** Signs in. Tokens stay in memory only: a reload of the page asks again. */
export async function signIn(email: string, password: string): Promise<void> {
  tokens = post(SignIn, { input: { email, password } }).then((data) => data.signIn);
  await tokens;
}

/** What every request shows. An access token lives for 15 minutes; in its last one it is exchanged. */
export async function authorization(): Promise<string> {
  const current = await tokens;
  if (!current?.accessToken) throw new Error("Sign in first.");
  if (current.refreshToken && Date.parse(current.expiresAt ?? "") < Date.now() + 60_000) {
    // The first to notice exchanges it, others wait for the same promise: a refresh token works once.
    const refreshToken = current.refreshToken;
    const before = tokens;
    const next = post(RefreshSession, { input: { refreshToken } }).then((data) => data.refreshSession);
    tokens = next;
    next.catch(() => {
      if (tokens === next) tokens = before;
    });
    return authorization();
  }
  return `Bearer ${current.accessToken}`;
}

async function post<Data, Variables>(operation: TypedDocumentNode<Data, Variables>, variables: Variables) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ query: print(operation), variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Data | null; errors?: { message: string }[] };
  if (!data) throw new Error(errors?.[0]?.message ?? "The server gave no answer.");
  return data;
}
