import type { Answer } from "../shared/api.ts";

/** How many events stay on show, and how often at most they are shown anew. */
const kept = 100;
const pace = 120;

export type Line = "connecting" | "live" | "cut, coming back" | "ended";

/** What the response pane shows of a subscription: GraphiQL itself would show the latest event only. */
export interface Shown {
  subscription: Line;
  received: number;
  newestFirst: unknown[];
}

/** Collects the events of a subscription and shows them, a few times a second at most. */
export class Feed {
  private readonly show: (shown: Shown) => void;
  private readonly events: unknown[] = [];
  private received = 0;
  private line: Line = "connecting";
  private timer: number | undefined;
  private over = false;

  constructor(show: (shown: Shown) => void) {
    this.show = show;
    this.soon();
  }

  add(event: Answer<unknown>): void {
    this.received++;
    this.events.unshift(plain(event));
    this.events.length = Math.min(this.events.length, kept);
    this.soon();
  }

  state(line: Line): void {
    if (this.over) return;
    this.line = line;
    this.soon();
  }

  /** Shows what is there at once, and nothing after that. */
  end(): void {
    if (this.over) return;
    this.line = "ended";
    this.stop();
    this.now();
  }

  /** Shows nothing any more. */
  stop(): void {
    this.over = true;
    window.clearTimeout(this.timer);
  }

  private soon(): void {
    if (this.over) return;
    this.timer ??= window.setTimeout(() => this.now(), pace);
  }

  private now(): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
    this.show({ subscription: this.line, received: this.received, newestFirst: [...this.events] });
  }
}

/** An event without what is around it; all of it where there are errors or several fields. */
function plain(event: Answer<unknown>): unknown {
  if (event.errors || !event.data || typeof event.data !== "object") return event;
  const fields = Object.values(event.data);
  return fields.length === 1 ? fields[0] : event.data;
}
