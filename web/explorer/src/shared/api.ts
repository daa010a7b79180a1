/** What the server answers to an operation. */
export interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string; path?: (string | number)[]; extensions?: { code?: string } }[];
}

/** An operation that was refused, or that could not be sent. */
export class ApiError extends Error {
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

/** The body of an operation, as it is sent. */
export interface Operation {
  query: string;
  variables?: Record<string, unknown> | undefined;
  operationName?: string | null | undefined;
}

/** Sends an operation and returns the answer as it is, with the server's time. */
export async function post<Data>(
  operation: Operation,
  headers: Record<string, string> = {},
): Promise<{ answer: Answer<Data>; serverTime: number }> {
  let response: Response;
  try {
    response = await fetch("/graphql", {
      method: "POST",
      headers: {
        Accept: "application/graphql-response+json, application/json",
        "Content-Type": "application/json",
        ...headers,
      },
      body: JSON.stringify(operation),
    });
  } catch {
    throw new ApiError("The server can't be reached. Is it running?", "UNREACHABLE");
  }
  const text = await response.text();
  const serverTime = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  try {
    return { answer: JSON.parse(text) as Answer<Data>, serverTime };
  } catch {
    throw new ApiError(`The server answered ${response.status}: ${text.slice(0, 200) || "nothing"}`, "UNREADABLE");
  }
}

/** Sends an operation and returns its data; errors in the answer are thrown. */
export async function call<Data>(operation: Operation, token?: string | null): Promise<Data> {
  const { answer } = await post<Data>(operation, token ? { Authorization: `Bearer ${token}` } : {});
  return dataOf(answer);
}

/** The data of an answer without errors. */
export function dataOf<Data>(answer: Answer<Data>): Data {
  const error = answer.errors?.[0];
  if (error) throw new ApiError(error.message, error.extensions?.code ?? "INTERNAL");
  if (answer.data == null) throw new ApiError("The server's answer has no data.", "UNREADABLE");
  return answer.data;
}

/** What to tell a person about something that was thrown. */
export function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
