import "./workers.ts";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "../shared/tokens.css";
import "./explorer.css";
import { createRoot } from "react-dom/client";
import { element } from "../shared/dom.ts";
import { App } from "./app.tsx";

createRoot(element("root")).render(<App />);
