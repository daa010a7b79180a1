import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/**
 * Replaces every file of the build by its gzip form: only that is embedded in the
 * server, which sends it as it is to every browser. The same input gives the same
 * bytes, so the server's binary can be built reproducibly.
 */
export function onlyGzip(): Plugin {
  let folder = "";
  return {
    name: "only-gzip",
    apply: "build",
    configResolved(config) {
      folder = path.resolve(config.root, config.build.outDir);
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || entry.name.endsWith(".gz")) continue;
        const file = path.join(entry.parentPath, entry.name);
        await writeFile(`${file}.gz`, gzipSync(await readFile(file), { level: 9 }));
        await rm(file);
      }
    },
  };
}
