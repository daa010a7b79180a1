import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // so that the build can be served from any folder
  plugins: [react()],
});
