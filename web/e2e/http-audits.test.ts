import { serverAudits } from "graphql-http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.close());

// The audits of GraphQL over HTTP. Those that only warn are rules that a server may break; this one doesn't.
const audits = serverAudits({ url: () => `${server.url}/graphql`, fetchFn: fetch });

test("the audits are there", () => {
  expect(audits.length).toBeGreaterThan(50);
});

test.each(audits.map((audit) => [audit.name, audit] as const))("%s", async (_, audit) => {
  const result = await audit.fn();
  expect(result.status, "reason" in result ? result.reason : undefined).toBe("ok");
});
