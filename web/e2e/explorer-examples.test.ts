import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, Kind, parse, validate } from "graphql";
import { expect, test } from "vitest";
import { resumable } from "../explorer/src/explorer/resume.js";
import { root } from "./server.js";

const schema = buildSchema(readFileSync(join(root, "schema.graphql"), "utf8"));
const folder = join(root, "web/explorer/src/explorer/examples");

test.each(readdirSync(folder).filter((name) => name.endsWith(".graphql")))("%s fits the schema", (name) => {
  const document = parse(readFileSync(join(folder, name), "utf8"));
  expect(validate(schema, document)).toEqual([]);
  expect(document.definitions).toHaveLength(1);
  expect(document.definitions[0]?.kind).toBe(Kind.OPERATION_DEFINITION);
});

const event = (cursor: string) => ({ data: { projectEvents: { cursor } } });

test.each([
  [
    "a variable",
    "subscription S($p: ID!, $from: Cursor) { projectEvents(projectId: $p, after: $from) { cursor } }",
    "from",
  ],
  ["a literal", 'subscription S($p: ID!) { projectEvents(projectId: $p, after: "start") { cursor } }', "after"],
  ["nothing", "subscription S($p: ID!) { projectEvents(projectId: $p) { cursor } }", "after"],
  ["a taken name", "subscription S($after: ID!) { projectEvents(projectId: $after) { cursor } }", "_after"],
  ["a name of several", "query Q { viewer { id } } subscription S { projectEvents(projectId: 1) { cursor } }", "after"],
])("a subscription with %s for after goes on after the last cursor", (_, query, variable) => {
  const it = resumable({ query, variables: { p: "prj_1" }, operationName: "S" }, schema);
  expect(validate(schema, parse(it.payload.query))).toEqual([]);
  expect(it.safe()).toBe(true);
  if (query.includes('"start"')) expect(it.payload.variables[variable]).toBe("start");
  it.note(event("c1"));
  it.note(event("c2"));
  expect(it.payload.variables[variable]).toBe("c2");
  expect(it.safe()).toBe(true);
});

test("a subscription without a cursor is not repeated once it has begun", () => {
  const it = resumable({ query: 'subscription { projectEvents(projectId: "prj_1") { seq } }' }, schema);
  expect(it.safe()).toBe(true);
  it.note({ data: { projectEvents: { seq: 1 } } });
  expect(it.safe()).toBe(false);
});
