import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { onlyGzip } from "./build/gzip.ts";

const page = (name: string) => fileURLToPath(new URL(`${name}.html`, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/explorer/",
  plugins: [react(), onlyGzip()],
  worker: { format: "es" },
  build: {
    outDir: "../dist/explorer",
    emptyOutDir: true,
    // The pages' policy allows no data: fonts or scripts, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // light-dark()
    chunkSizeWarningLimit: 4096,
    rollupOptions: {
      input: { start: page("start"), explorer: page("explorer"), device: page("device") },
      onwarn(warning, warn) {
        // A hint of GraphiQL's files to the React compiler, which has run on them.
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
  server: {
    proxy: { "/graphql": { target: "http://127.0.0.1:8080", ws: true }, "/schema.graphql": "http://127.0.0.1:8080" },
  },
});
