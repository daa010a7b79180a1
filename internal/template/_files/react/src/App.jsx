import { useState } from "react";

export function App() {
  const [count, setCount] = useState(0);
  return (
    <main>
      <h1>Hello</h1>
      <p>You have pressed the button {count} times.</p>
      <button type="button" onClick={() => setCount(count + 1)}>
        Press
      </button>
    </main>
  );
}
