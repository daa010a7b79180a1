import { ApiError, call, dataOf, post } from "./api.ts";

/**
 * Who is signed in on this page. The credentials are in sessionStorage: they live as
 * long as the browser's tab and are never written to localStorage or a cookie.
 */
export type Credentials =
  | { kind: "session"; access: string; refresh: string; renewAt: number }
  | { kind: "key"; secret: string };

export interface Viewer {
  id: string;
  name: string;
  email: string | null;
}

interface Tokens {
  accessToken: string | null;
  refreshToken: string | null;
  expiresAt: string | null;
  challenge: string | null;
}

const storageKey = "zeblit.session";
/** How long before its end an access token is exchanged. */
const margin = 60_000;

const signInOperation = `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { accessToken refreshToken expiresAt challenge }
}`;
const refreshOperation = `mutation RefreshSession($input: RefreshSessionInput!) {
  refreshSession(input: $input) { accessToken refreshToken expiresAt challenge }
}`;
const viewerOperation = "query Viewer { viewer { id name email } }";

/** Tabs that were duplicated share a refresh token, which works once: they tell each other what it became. */
const channel = new BroadcastChannel("zeblit.session");
const listeners = new Set<() => void>();
let renewing: Promise<string | null> | null = null;

channel.addEventListener("message", ({ data }: MessageEvent<{ spent: string; next: Credentials }>) => {
  const held = credentials();
  if (held?.kind === "session" && held.refresh === data.spent) keep(data.next);
});

/** Calls back whenever somebody signs in or out. Returns how to stop that. */
export function onSessionChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function credentials(): Credentials | null {
  const text = sessionStorage.getItem(storageKey);
  return text ? (JSON.parse(text) as Credentials) : null;
}

/** A token that holds for the next minute, renewed where needed; null when nobody is signed in. */
export async function token(): Promise<string | null> {
  const held = credentials();
  if (held === null) return null;
  if (held.kind === "key") return held.secret;
  if (Date.now() < held.renewAt) return held.access;
  renewing ??= alone(renew).finally(() => {
    renewing = null;
  });
  return renewing;
}

/** Says that the server did not accept the access token: the next call of token renews it. */
export function distrust(): void {
  const held = credentials();
  if (held?.kind === "session") keep({ ...held, renewAt: 0 });
}

export async function signIn(email: string, password: string): Promise<void> {
  const { answer, serverTime } = await post<{ signIn: Tokens }>({
    query: signInOperation,
    variables: { input: { email, password } },
  });
  keep(session(dataOf(answer).signIn, serverTime));
  changed();
}

/** Keeps an API key after asking the server whose it is. */
export async function useKey(secret: string): Promise<void> {
  const { viewer } = await call<{ viewer: Viewer | null }>({ query: viewerOperation }, secret);
  if (!viewer) throw new ApiError("The server knows nobody with this key.", "UNAUTHENTICATED");
  keep({ kind: "key", secret });
  changed();
}

/** Ends the session on the server and forgets it here; an API key is only forgotten. */
export async function signOut(): Promise<void> {
  const held = credentials();
  try {
    if (held?.kind === "session") {
      await call({ query: "mutation SignOut { signOut(input: {}) { user { id } } }" }, await token());
    }
  } finally {
    forget();
  }
}

/** Who is signed in; null when nobody is, or no longer. */
export async function viewer(): Promise<Viewer | null> {
  const shown = await token();
  if (shown === null) return null;
  try {
    return (await call<{ viewer: Viewer | null }>({ query: viewerOperation }, shown)).viewer;
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "UNAUTHENTICATED") throw error;
    forget();
    return null;
  }
}

async function renew(): Promise<string | null> {
  const held = credentials(); // read again: another tab may have been first
  if (held?.kind !== "session") return token();
  if (Date.now() < held.renewAt) return held.access;
  try {
    const { answer, serverTime } = await post<{ refreshSession: Tokens }>({
      query: refreshOperation,
      variables: { input: { refreshToken: held.refresh } },
    });
    const next = session(dataOf(answer).refreshSession, serverTime);
    keep(next);
    channel.postMessage({ spent: held.refresh, next });
    return next.access;
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "UNAUTHENTICATED") throw error;
    forget();
    return null;
  }
}

/** Runs work while no other tab does, where the browser can tell. */
function alone<T>(work: () => Promise<T>): Promise<T> {
  return "locks" in navigator ? (navigator.locks.request("zeblit.session", work) as Promise<T>) : work();
}

/** The lifetime is counted from the server's time: the clock of this machine may be wrong. */
function session(tokens: Tokens, serverTime: number): Extract<Credentials, { kind: "session" }> {
  if (!tokens.accessToken || !tokens.refreshToken || !tokens.expiresAt) {
    throw new ApiError(
      `A further step is due that this page can't do: ${tokens.challenge ?? "unknown"}. Use an API key.`,
      "FORBIDDEN",
    );
  }
  const lifetime = Date.parse(tokens.expiresAt) - serverTime;
  return {
    kind: "session",
    access: tokens.accessToken,
    refresh: tokens.refreshToken,
    renewAt: Date.now() + lifetime - margin,
  };
}

function keep(next: Credentials): void {
  sessionStorage.setItem(storageKey, JSON.stringify(next));
}

function forget(): void {
  sessionStorage.removeItem(storageKey);
  changed();
}

function changed(): void {
  for (const listener of listeners) listener();
}
