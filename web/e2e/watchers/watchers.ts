/**
 * Subscriptions with one library, for the fault suite (internal/faults/faulttest/host.go). What to watch comes as lines of
 * JSON on standard input, with whose end it ends: {"id", "urls", "key", "query", "variables"} begins a subscription, {"id"}
 * alone ends it. What is heard goes out as lines of JSON: {"id", "event"}, {"id", "connected"}, {"id", "closed"} with a close
 * code, and {"id", "ended"} with the errors.
 */
import { createInterface } from "node:readline";
import { libraries, type Subject } from "./clients.js";

const [, , library = ""] = process.argv;
const watch = libraries[library];
if (!watch) throw new Error(`there is no library ${library}`);

const tell = (line: Record<string, unknown>) => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** The errors of an answer, in the form in which the API tells them. */
function errorsOf(error: unknown): { message: string; extensions?: unknown }[] {
  if (Array.isArray(error)) return error;
  const { errors, code, reason } = (error ?? {}) as { errors?: unknown; code?: unknown; reason?: unknown };
  if (Array.isArray(errors)) return errors;
  if (typeof code === "number") return [{ message: `closed with ${code} ${reason}` }];
  return [{ message: error === undefined ? "completed by the server" : String(error) }];
}

const stops = new Map<string, () => void>();

function begin(id: string, subject: Subject) {
  const isOn = () => stops.has(id);
  const end = (error?: unknown) => {
    if (!isOn()) return;
    tell({ id, ended: errorsOf(error) });
    finish(id);
  };
  stops.set(id, () => {}); // a client may call back at once
  const stop = watch?.(subject, {
    connected: () => {
      if (isOn()) tell({ id, connected: true });
    },
    closed: (code) => {
      if (isOn() && code > 0) tell({ id, closed: code });
    },
    next: (result) => {
      if (!isOn()) return;
      const { data, errors } = result as { data?: { event?: unknown } | null; errors?: unknown };
      if (data?.event) tell({ id, event: data.event });
      else end(errors);
    },
    ended: end,
  });
  if (stop) stops.set(id, stop);
}

function finish(id: string) {
  const stop = stops.get(id);
  stops.delete(id);
  stop?.();
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, ...subject } = JSON.parse(line) as { id: string } & Partial<Subject>;
    if (subject.query) begin(id, subject as Subject);
    else finish(id);
  })
  .on("close", () => process.exit(0));
