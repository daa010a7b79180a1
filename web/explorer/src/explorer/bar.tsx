import { useEffect, useState } from "react";
import { told } from "../shared/api.ts";
import mark from "../shared/mark.svg";
import { demoTitle, type ServerInfo, serverInfo } from "../shared/server.ts";
import { credentials, onSessionChange, signOut, type Viewer, viewer } from "../shared/session.ts";
import { SignInDialog } from "./sign-in-dialog.tsx";

/** Above the explorer: which server this is, and who is signed in. */
export function Bar() {
  const [server, setServer] = useState<ServerInfo | null>(null);
  const [person, setPerson] = useState<Viewer | null>(null);
  const [fault, setFault] = useState("");
  const [asking, setAsking] = useState(false);

  useEffect(() => {
    let gone = false;
    const read = () => {
      viewer().then(
        (found) => {
          if (gone) return;
          setPerson(found);
          setFault("");
        },
        (error: unknown) => !gone && setFault(told(error)),
      );
    };
    serverInfo().then(
      (found) => !gone && setServer(found),
      (error: unknown) => !gone && setFault(told(error)),
    );
    read();
    const stop = onSessionChange(read);
    return () => {
      gone = true;
      stop();
    };
  }, []);

  return (
    <header className="bar">
      <a className="brand" href="/" title="Start page">
        <img src={mark} alt="" width="26" height="26" /> Zeblit
      </a>
      <h1>Explorer</h1>
      {server && <span className="version">{server.version}</span>}
      {server?.demoModel && (
        <span className="badge" title={demoTitle}>
          Demo model: a script, no AI
        </span>
      )}
      {fault && (
        <span className="bar-fault" role="alert">
          {fault}
        </span>
      )}
      <nav aria-label="Account">
        <a href="/schema.graphql">Schema</a>
        {person ? (
          <>
            <span className="person" title={credentials()?.kind === "key" ? "With an API key" : "With a session"}>
              {person.email ?? person.name}
              {credentials()?.kind === "key" && <small> · API key</small>}
            </span>
            <button
              className="button"
              type="button"
              onClick={() => void signOut().catch((error: unknown) => setFault(told(error)))}
            >
              Sign out
            </button>
          </>
        ) : (
          <button className="button primary" type="button" onClick={() => setAsking(true)}>
            Sign in
          </button>
        )}
      </nav>
      {asking && <SignInDialog onClose={() => setAsking(false)} />}
    </header>
  );
}
