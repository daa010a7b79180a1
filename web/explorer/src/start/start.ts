import "../shared/tokens.css";
import "../shared/page.css";
import "./start.css";
import { element } from "../shared/dom.ts";
import { serverInfo } from "../shared/server.ts";

element("address").textContent = `${location.origin}/graphql`;
element("terminal-lines").textContent = `zeblit login --url ${location.origin}\nzeblit chat "Build a to-do list page"`;

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copies]")) {
  // Browsers copy only on pages they trust: https, or this very machine.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(element(button.dataset.copies ?? "").textContent ?? "");
    element("copied").textContent = "Copied";
    button.textContent = "Copied";
  });
}

serverInfo().then(
  ({ version, demoModel }) => {
    element("version").textContent = `version ${version}`;
    element("demo").hidden = !demoModel;
    element("demo-note").hidden = !demoModel;
  },
  () => {
    element("version").textContent = "the server does not answer";
  },
);
