import { readFileSync, writeFileSync } from "node:fs";

const file = "notes.json";

export function all() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (e) {
    if (e.code === "ENOENT") return [];
    throw e;
  }
}

export function add(text) {
  writeFileSync(file, JSON.stringify([...all(), { text }]));
}
