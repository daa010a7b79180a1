import { parseArgs } from "node:util";
import { add, all } from "./store.js";

const [command, ...rest] = process.argv.slice(2);
const { values, positionals } = parseArgs({
  args: rest,
  allowPositionals: true,
  options: { tag: { type: "string", multiple: true, default: [] } },
});
if (command === "add" && positionals.length > 0) {
  add(positionals.join(" "), values.tag);
} else if (command === "list") {
  for (const { text, tags } of all()) {
    if (values.tag.every((t) => tags.includes(t))) console.log([text, ...tags.map((t) => `#${t}`)].join(" "));
  }
} else {
  console.error("usage: node notes.js add TEXT [--tag NAME]... | list [--tag NAME]");
  process.exit(2);
}
