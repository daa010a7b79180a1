import { type FormEvent, useState } from "react";
import { signIn } from "./session";

export function SignIn({ done }: { done: () => void }) {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError("");
    try {
      await signIn(String(form.get("email")), String(form.get("password")));
      done();
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };

  return (
    <form className="sign-in" onSubmit={submit}>
      <h1>Zeblit chat</h1>
      <label>
        E-mail
        <input name="email" autoComplete="username" required />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      {error && <p role="alert">{error}</p>}
      <button type="submit" disabled={isBusy}>
        Sign in
      </button>
      <p className="hint">The owner's are in .zeblit/owner.json.</p>
    </form>
  );
}
