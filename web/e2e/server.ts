import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const root = resolve(fileURLToPath(import.meta.url), "../../..");

/** What the first start leaves in `owner.json`. */
export interface Owner {
  url: string;
  email: string;
  password: string;
  apiKey: string;
}

/** A server of the built program (ZEBLIT_BIN, else bin/zeblit) with data of its own. */
export interface Server {
  readonly url: string;
  readonly ws: string;
  readonly owner: Owner;
  /** Ends it at once, as `kill -9` does. Its data stays. */
  kill(): Promise<void>;
  /** Kills it where it still runs, and starts it again on the same port and data. */
  restart(): Promise<void>;
  /** Kills it and removes its data. */
  close(): Promise<void>;
}

// What is set where the tests run must not choose another database, model or address.
const foreign = /^(ZEBLIT_|DATABASE_URL|REDIS_URL|ANTHROPIC_|OPENAI_)/;

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a program that ends with the tests, however they end. */
export function start(command: string, args: string[], env: NodeJS.ProcessEnv) {
  // The exit handler above isn't reached where the tests are killed themselves. On Linux the kernel then does it.
  const guard = existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "KILL"] : [];
  const [program = command, ...rest] = [...guard, command, ...args];
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(program, rest, {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** An address of this machine where nobody else asks for any port: a server that is killed finds its own free again. */
export function ownHost(): string {
  const part = () => 1 + Math.floor(Math.random() * 254);
  return `127.${part()}.${part()}.${part()}`;
}

/**
 * Starts a server on a free port. `env` adds settings; ZEBLIT_DEMO_PACE is 0 unless it says otherwise. One that is killed
 * and restarted is at `ownHost()`.
 */
export async function startServer(env: Record<string, string> = {}, host = "127.0.0.1"): Promise<Server> {
  const program = resolve(root, process.env.ZEBLIT_BIN ?? "bin/zeblit");
  const data = await mkdtemp(join(tmpdir(), "zeblit-e2e-"));
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));

  let child: ChildProcess | undefined;
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  const close = async () => {
    await kill();
    await rm(data, { recursive: true, force: true, maxRetries: 5 });
  };

  const serve = async (addr: string): Promise<string> => {
    const args = ["serve", "--addr", addr, "--data-dir", data];
    const started = start(program, args, { ...own, ZEBLIT_DEMO_PACE: "0", ...env });
    child = started;

    let said = "";
    return new Promise<string>((ready, failed) => {
      const deadline = setTimeout(() => failed(new Error(`the server isn't ready after 60 s:\n${said}`)), 60_000);
      const listen = (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-20_000);
        const url = /is ready at (http:\/\/\S+)/.exec(said)?.[1];
        if (!url) return;
        clearTimeout(deadline);
        ready(url);
      };
      started.stdout.on("data", listen);
      started.stderr.on("data", listen);
      started.once("error", failed);
      started.once("exit", (code, signal) => {
        clearTimeout(deadline);
        failed(new Error(`the server ended with ${code ?? signal}:\n${said}`));
      });
    });
  };

  try {
    const url = await serve(`${host}:0`);
    const owner = JSON.parse(await readFile(join(data, "owner.json"), "utf8")) as Owner;
    return {
      url,
      ws: `${url.replace("http", "ws")}/graphql`,
      owner,
      kill,
      restart: async () => {
        await kill();
        await serve(new URL(url).host);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
