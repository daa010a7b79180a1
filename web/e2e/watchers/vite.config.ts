import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// One file for Node, with all packages in it: it runs wherever it is put.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  resolve: {
    alias: { "@zeblit/resume": fileURLToPath(new URL("../../packages/resume/src/resume.ts", import.meta.url)) },
    conditions: ["node", "import", "module", "default"],
  },
  ssr: { noExternal: true, external: ["bufferutil", "utf-8-validate"] },
  build: {
    ssr: "watchers.ts",
    target: "node20",
    emptyOutDir: false,
    rolldownOptions: { output: { entryFileNames: "watchers.mjs" } },
  },
});
