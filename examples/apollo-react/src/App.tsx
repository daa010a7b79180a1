import { ApolloProvider } from "@apollo/client/react";
import { useMemo, useState } from "react";
import { Chat } from "./Chat";
import { makeClient } from "./client";
import { Projects } from "./Projects";
import { SignIn } from "./SignIn";

export function App() {
  const [isSignedIn, setSignedIn] = useState(false);
  const [isConnected, setConnected] = useState(false);
  const [projectId, setProjectId] = useState<string>();
  const client = useMemo(() => makeClient(setConnected), []);

  if (!isSignedIn) return <SignIn done={() => setSignedIn(true)} />;
  return (
    <ApolloProvider client={client}>
      <div className="app">
        <Projects chosen={projectId} choose={setProjectId} />
        {projectId ? (
          <Chat key={projectId} projectId={projectId} isConnected={isConnected} />
        ) : (
          <main className="empty">Choose a project, or make one.</main>
        )}
      </div>
    </ApolloProvider>
  );
}
