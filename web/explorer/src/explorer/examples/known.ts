import { call } from "../../shared/api.ts";
import { token } from "../../shared/session.ts";

/** Ids of the viewer's newest project, to fill in variables with; absent where there is none. */
export interface Known {
  projectId?: string | undefined;
  runId?: string | undefined;
  path?: string | undefined;
}

interface Newest {
  projects: {
    edges: {
      node: {
        id: string;
        runs: { edges: { node: { id: string } }[] };
        files: { edges: { node: { path: string } }[] };
      };
    }[];
  };
}

const newest = `query NewestProject {
  projects(first: 1) {
    edges { node { id runs(first: 1) { edges { node { id } } } files(first: 1) { edges { node { path } } } } }
  }
}`;

/** Looks up what is newest now; nothing is known without somebody signed in. */
export async function known(): Promise<Known> {
  const shown = await token().catch(() => null);
  if (!shown) return {};
  try {
    const node = (await call<Newest>({ query: newest }, shown)).projects.edges[0]?.node;
    return { projectId: node?.id, runId: node?.runs.edges[0]?.node.id, path: node?.files.edges[0]?.node.path };
  } catch {
    return {}; // the operation itself will say what is wrong
  }
}
