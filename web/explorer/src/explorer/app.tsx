import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { buildSchema, type GraphQLSchema } from "graphql";
import { useEffect, useMemo, useRef, useState } from "react";
import { Bar } from "./bar.tsx";
import { examples } from "./examples/index.ts";
import { examplesPlugin } from "./examples-panel.tsx";
import { fetcherFor } from "./fetcher.ts";

const plugins = [examplesPlugin, HISTORY_PLUGIN];
const welcome = examples[0]?.examples.slice(0, 2).map(({ query }) => ({ query })) ?? [];

// How wide the panel beside the editors is at first; GraphiQL keeps what people make of it.
const panelWidth = "graphiql:docExplorerFlex";
if (localStorage.getItem(panelWidth) === null) localStorage.setItem(panelWidth, "0.26");

/** The schema that the server publishes; null where it publishes none. */
async function published(): Promise<GraphQLSchema | null> {
  const response = await fetch("/schema.graphql");
  return response.ok ? buildSchema(await response.text()) : null;
}

/** Ends a subscription when a new tab is opened: GraphiQL would show its events there. */
function OneTabWatches() {
  const { tab, watching, responseEditor } = useGraphiQL(({ tabs, activeTabIndex, subscription, responseEditor }) => ({
    tab: tabs[activeTabIndex]?.id,
    watching: subscription !== null,
    responseEditor,
  }));
  const { stop } = useGraphiQLActions();
  const before = useRef(tab);
  useEffect(() => {
    if (before.current === tab) return;
    before.current = tab;
    if (!watching) return;
    stop();
    responseEditor?.setValue("");
  }, [tab, watching, stop, responseEditor]);
  return null;
}

export function App() {
  // undefined: not read yet; null: not to be had, so that GraphiQL asks by introspection.
  const [schema, setSchema] = useState<GraphQLSchema | null | undefined>();
  useEffect(() => {
    published().then(setSchema, () => setSchema(null));
  }, []);
  const fetcher = useMemo(() => fetcherFor(schema ?? null), [schema]);

  return (
    <div className="shell">
      <Bar />
      <main>
        {schema !== undefined && (
          <GraphiQL
            fetcher={fetcher}
            {...(schema ? { schema } : {})}
            plugins={plugins}
            visiblePlugin={examplesPlugin}
            defaultTabs={welcome}
            defaultEditorToolsVisibility="variables"
            shouldPersistHeaders={false}
          >
            <GraphiQL.Logo> </GraphiQL.Logo>
            <OneTabWatches />
          </GraphiQL>
        )}
      </main>
    </div>
  );
}
