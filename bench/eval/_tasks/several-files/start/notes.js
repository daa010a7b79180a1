import { add, all } from "./store.js";

const [command, ...words] = process.argv.slice(2);
if (command === "add" && words.length > 0) {
  add(words.join(" "));
} else if (command === "list") {
  for (const note of all()) console.log(note.text);
} else {
  console.error("usage: node notes.js add TEXT | list");
  process.exit(2);
}
