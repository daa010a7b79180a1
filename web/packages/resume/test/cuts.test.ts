import { expect, test } from "vitest";
import { resume } from "../src/resume.js";
import { FlakyClient, watchQuery } from "./flaky.js";

/** Numbers that look random and are the same in every run (a linear congruential generator). */
function random(seed: number) {
  let state = seed >>> 0;
  return (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test.each(Array.from({ length: 200 }, (_, seed) => seed))(
  "nothing lost or doubled, whatever is cut (seed %i)",
  (seed) => {
    const pick = random(seed);
    const begin = pick(20);
    const client = new FlakyClient({ head: begin });
    const got: number[] = [];
    resume(client.asClient()).subscribe(
      { query: watchQuery, variables: { projectId: "prj_1", after: begin === 0 ? "start" : `c${begin}` } },
      { next: (result) => got.push(result.data?.projectEvents?.seq ?? 0), error: () => {}, complete: () => {} },
    );
    for (let step = 0; step < 100; step++) {
      const dice = pick(10);
      if (dice < 4) client.log.head += pick(5);
      else if (dice < 7) client.deliver(1 + pick(4));
      else if (dice < 9) client.cut();
      // A server that repeats a few events, as one does that answers from an older place.
      else client.restartAt(Math.max(0, got.at(-1) ?? begin, begin) - pick(Math.max(1, got.length)));
    }
    client.deliver(Number.POSITIVE_INFINITY);
    expect(got).toEqual(Array.from({ length: client.log.head - begin }, (_, i) => begin + 1 + i));
    expect(client.afters.length).toBeGreaterThan(1);
  },
);
