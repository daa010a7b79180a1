import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { told } from "../shared/api.ts";
import { useKey as keepKey, signIn } from "../shared/session.ts";

type Way = "password" | "key";

/** Asks for e-mail and password, or an API key. */
export function SignInDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const [way, setWay] = useState<Way>("password");
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name) ?? "");
    setFault("");
    setBusy(true);
    try {
      if (way === "key") await keepKey(field("key").trim());
      else await signIn(field("email"), field("password"));
      dialog.current?.close();
    } catch (error) {
      setFault(told(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <dialog ref={dialog} className="sign-in" aria-labelledby={title} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <h2 id={title}>Sign in</h2>
        <fieldset className="ways">
          <legend>With</legend>
          {(["password", "key"] as const).map((each) => (
            <label key={each}>
              <input type="radio" name="way" value={each} checked={way === each} onChange={() => setWay(each)} />
              {each === "key" ? "an API key" : "e-mail and password"}
            </label>
          ))}
        </fieldset>
        {way === "password" ? (
          <>
            <label className="field">
              E-mail
              <input name="email" type="email" autoComplete="username" required />
            </label>
            <label className="field">
              Password
              <input name="password" type="password" autoComplete="current-password" required />
            </label>
          </>
        ) : (
          <label className="field">
            API key
            <input name="key" type="password" autoComplete="off" placeholder="zbl_…" spellCheck={false} required />
          </label>
        )}
        <p className="fault" role="alert">
          {fault}
        </p>
        <p className="note">
          What you enter is kept in this browser tab only (sessionStorage, never localStorage) and is gone when you
          close it. The owner’s credentials are in <code>owner.json</code> in the server’s data folder.
        </p>
        <div className="dialog-actions">
          <button className="button" type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button className="button primary" type="submit" disabled={busy}>
            Sign in
          </button>
        </div>
      </form>
    </dialog>
  );
}
