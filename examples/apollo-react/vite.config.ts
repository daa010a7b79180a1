import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const target = process.env.ZEBLIT_URL ?? "http://127.0.0.1:8080";
// To the browser all is one origin. The server sees its own, so that it needs no --allowed-origins.
const proxy = { "/graphql": { target, ws: true, changeOrigin: true, headers: { origin: new URL(target).origin } } };

export default defineConfig({
  plugins: [react()],
  server: { host: "127.0.0.1", proxy },
  preview: { host: "127.0.0.1", proxy },
});
