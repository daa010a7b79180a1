import type { GraphQLSchema } from "graphql";
import { createClient } from "graphql-ws";
import { type Answer, ApiError, type Operation } from "../shared/api.ts";
import { credentials, distrust, token } from "../shared/session.ts";
import { Feed, type Shown } from "./feed.ts";
import { resumable } from "./resume.ts";

interface Observer {
  next(shown: Shown): void;
  error(error: unknown): void;
  complete(): void;
}

/** The server's close code for credentials that don't hold, or no longer. */
const forbidden = 4403;

/**
 * A subscription over a WebSocket of its own, in the shape that GraphiQL observes. It
 * survives cuts and restarts of the server, and the end of the access token: each time
 * it goes on after the last event that came.
 */
export function subscription(operation: Operation, schema: GraphQLSchema | null, authorization: string | undefined) {
  return {
    subscribe(observer: Observer) {
      const feed = new Feed((shown) => observer.next(shown));
      const resuming = resumable(operation, schema);
      let refused = 0;
      const client = createClient({
        url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
        async connectionParams(): Promise<Record<string, unknown>> {
          if (authorization) return { Authorization: authorization };
          const shown = await token();
          return shown ? { Authorization: `Bearer ${shown}` } : {};
        },
        retryAttempts: Number.POSITIVE_INFINITY, // until the person stops it
        retryWait: (retries) => wait(Math.min(250 * 2 ** retries, 15_000) * (0.75 + Math.random() / 2)),
        shouldRetry(problem) {
          if (!resuming.safe()) return false;
          if ((problem as Partial<CloseEvent>).code !== forbidden) return true;
          // Once more with a new access token, where there is one to be had.
          refused++;
          distrust();
          return refused === 1 && !authorization && credentials()?.kind === "session";
        },
        on: {
          connecting: (again) => feed.state(again ? "cut, coming back" : "connecting"),
          connected() {
            refused = 0;
            feed.state("live");
          },
          closed: () => feed.state("cut, coming back"),
        },
      });
      const unsubscribe = client.subscribe(resuming.payload, {
        next(event) {
          resuming.note(event as Answer<unknown>);
          feed.add(event as Answer<unknown>);
        },
        error(problem) {
          feed.stop();
          observer.error(readable(problem, resuming.safe()));
          void client.dispose();
        },
        complete() {
          feed.end();
          observer.complete();
          void client.dispose();
        },
      });
      return {
        unsubscribe() {
          feed.end();
          unsubscribe();
          void client.dispose();
        },
      };
    },
  };
}

const wait = (milliseconds: number) => new Promise<void>((resolve) => window.setTimeout(resolve, milliseconds));

/** What a subscription ended with, as something that can be shown. */
function readable(problem: unknown, safe: boolean): unknown {
  if (Array.isArray(problem) || problem instanceof Error) return problem;
  const { code, reason } = problem as Partial<CloseEvent>;
  if (code === forbidden)
    return new ApiError(reason || "The credentials don't hold. Sign in again.", "UNAUTHENTICATED");
  const why = safe
    ? ""
    : " It can't be resumed: select `cursor` in the subscription's field, so that the explorer knows where to go on.";
  return new ApiError(
    `The connection was closed${code ? ` (${code}${reason ? `: ${reason}` : ""})` : ""}.${why}`,
    "CLOSED",
  );
}
