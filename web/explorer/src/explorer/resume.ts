import {
  type ArgumentNode,
  type DocumentNode,
  type GraphQLSchema,
  Kind,
  parse,
  print,
  valueFromASTUntyped,
  visit,
} from "graphql";
import type { Answer, Operation } from "../shared/api.ts";

/**
 * A subscription whose payload can be sent again after a cut: `note` remembers the
 * cursor of each event, and `payload` then asks for what came after it.
 */
export interface Resumable {
  readonly payload: { query: string; variables: Record<string, unknown>; operationName?: string };
  /** Reads the cursor of an event. */
  note(event: Answer<unknown>): void;
  /** Whether sending the payload again loses nothing and repeats nothing. */
  safe(): boolean;
}

/**
 * Prepares a subscription that a person wrote. Where its field takes `after`, the
 * argument becomes a variable, whether it was a literal or not there at all.
 */
export function resumable(operation: Operation, schema: GraphQLSchema | null): Resumable {
  const payload: Resumable["payload"] = {
    query: operation.query,
    variables: { ...operation.variables },
    ...(operation.operationName ? { operationName: operation.operationName } : {}),
  };
  const cursors = schema ? afterVariable(payload, schema) : null;
  let begun = false;
  let cursor: string | null = null;
  return {
    payload,
    note(event) {
      begun = true;
      const root = event.data && typeof event.data === "object" ? Object.values(event.data)[0] : null;
      cursor = root && typeof root === "object" && typeof root.cursor === "string" ? root.cursor : cursor;
      if (cursors && cursor) payload.variables[cursors] = cursor;
    },
    safe: () => !begun || (cursors !== null && cursor !== null),
  };
}

/** Makes `after` a variable of the payload's subscription and returns its name; null where there is no such argument. */
function afterVariable(payload: Resumable["payload"], schema: GraphQLSchema): string | null {
  let document: DocumentNode;
  try {
    document = parse(payload.query, { noLocation: true });
  } catch {
    return null; // the server says what is wrong with it
  }
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const chosen = payload.operationName
    ? operations.find(({ name }) => name?.value === payload.operationName)
    : operations[0];
  const root = chosen?.selectionSet.selections[0];
  if (chosen?.operation !== "subscription" || root?.kind !== Kind.FIELD) return null;
  const field = schema.getSubscriptionType()?.getFields()[root.name.value];
  const type = field?.args.find(({ name }) => name === "after")?.type;
  if (!type) return null;

  const given = root.arguments?.find(({ name }) => name.value === "after");
  if (given?.value.kind === Kind.VARIABLE) return given.value.name.value;

  const taken = new Set(chosen.variableDefinitions?.map(({ variable }) => variable.name.value));
  let name = "after";
  while (taken.has(name)) name = `_${name}`;
  if (given) payload.variables[name] = valueFromASTUntyped(given.value);
  const variable = { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: name } } as const;
  const argument: ArgumentNode = { kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: "after" }, value: variable };
  const rewritten = visit(document, {
    OperationDefinition(node) {
      if (node !== chosen) return false;
      const definition = {
        kind: Kind.VARIABLE_DEFINITION,
        variable,
        type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: String(type) } },
      } as const;
      return {
        ...node,
        variableDefinitions: [...(node.variableDefinitions ?? []), definition],
        selectionSet: {
          ...node.selectionSet,
          selections: [
            { ...root, arguments: [...(root.arguments ?? []).filter((other) => other !== given), argument] },
            ...node.selectionSet.selections.slice(1),
          ],
        },
      };
    },
  });
  payload.query = print(rewritten);
  return name;
}
