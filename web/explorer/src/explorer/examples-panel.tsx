import { type GraphiQLPlugin, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { type Example, examples } from "./examples/index.ts";
import { known } from "./examples/known.ts";

const kind = (query: string) => /^(query|mutation|subscription)/m.exec(query)?.[1] ?? "query";

function ExamplesPanel() {
  const { queryEditor, variableEditor, tabs } = useGraphiQL(({ queryEditor, variableEditor, tabs }) => ({
    queryEditor,
    variableEditor,
    tabs,
  }));
  const { addTab, changeTab, stop } = useGraphiQLActions();

  /** Opens the example in its tab, or in a new one, with what is known filled in. */
  async function open(example: Example) {
    const variables = example.variables?.(await known());
    const there = tabs.findIndex(({ query }) => query === example.query);
    stop();
    if (there >= 0) {
      changeTab(there);
    } else {
      addTab();
      queryEditor?.setValue(example.query);
    }
    variableEditor?.setValue(variables ? JSON.stringify(variables, null, 2) : "");
    queryEditor?.focus();
  }

  return (
    <section className="examples" aria-label="Examples">
      <div className="graphiql-doc-explorer-title">Examples</div>
      <p className="note">Each opens in a tab, filled in for your newest project. Run it with Ctrl-Enter.</p>
      {examples.map((group) => (
        <section key={group.name} aria-label={group.name}>
          <h2>{group.name}</h2>
          <ul>
            {group.examples.map((example) => (
              <li key={example.title}>
                <button type="button" className="example" onClick={() => void open(example)}>
                  <span className="example-title">{example.title}</span>
                  <span className={`kind ${kind(example.query)}`}>{kind(example.query)}</span>
                  <span className="example-about">{example.about}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  );
}

function ExamplesIcon() {
  return (
    <svg
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d="M4 3.5h12M4 8h12M4 12.5h7M13.5 12l4 2.75-4 2.75z" />
    </svg>
  );
}

export const examplesPlugin: GraphiQLPlugin = { title: "Examples", icon: ExamplesIcon, content: ExamplesPanel };
