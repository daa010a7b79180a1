import { call } from "./api.ts";

export interface ServerInfo {
  version: string;
  demoModel: boolean;
}

export async function serverInfo(): Promise<ServerInfo> {
  return (await call<{ serverInfo: ServerInfo }>({ query: "query ServerInfo { serverInfo { version demoModel } }" }))
    .serverInfo;
}

export const demoTitle =
  "No model is configured: agents work with the offline demo model, which is a script and no AI. Set ANTHROPIC_API_KEY, OPENAI_API_KEY or OPENAI_BASE_URL.";
