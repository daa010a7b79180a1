import "../shared/tokens.css";
import "../shared/page.css";
import "./device.css";
import { ApiError, call, told } from "../shared/api.ts";
import { element } from "../shared/dom.ts";
import { credentials, signIn, signOut, token, viewer } from "../shared/session.ts";
import { normalise } from "./code.ts";

interface DeviceCode {
  userCode: string;
  clientName: string;
  createdAt: string;
}

const steps = ["step-code", "step-sign-in", "step-decide", "step-done"] as const;
const lookUp =
  "query DeviceCode($userCode: String!) { deviceCode(userCode: $userCode) { userCode clientName createdAt } }";
const decideOperation = `mutation DecideDeviceCode($input: DecideDeviceCodeInput!) {
  decideDeviceCode(input: $input) { clientName }
}`;

let code = normalise(new URLSearchParams(location.search).get("code") ?? "");

/** Shows one step and moves the focus to its title, so that it is read out. */
function show(step: (typeof steps)[number]): void {
  for (const id of steps) element(id).hidden = id !== step;
  element(step).querySelector("h1")?.focus();
}

/** Goes to the step that is due: the code, who is there, then the decision. */
async function next(): Promise<void> {
  if (!code) {
    show("step-code");
    element("code").focus();
    return;
  }
  // A decision needs a session: what an API key could approve would outlive it.
  const person = credentials()?.kind === "session" ? await viewer() : null;
  if (!person) {
    show("step-sign-in");
    element("email").focus();
    return;
  }
  try {
    const { deviceCode } = await call<{ deviceCode: DeviceCode | null }>(
      { query: lookUp, variables: { userCode: code } },
      await token(),
    );
    if (!deviceCode) throw new ApiError("There is no such code.", "NOT_FOUND");
    element("client-name").textContent = deviceCode.clientName;
    element("shown-code").textContent = deviceCode.userCode;
    element("asked").textContent = new Date(deviceCode.createdAt).toLocaleTimeString();
    element("account").textContent = person.email ?? person.name;
    show("step-decide");
  } catch (error) {
    const gone = error instanceof ApiError && error.code === "NOT_FOUND";
    element("code-fault").textContent = gone
      ? "This code is not known, was used already, or its 10 minutes are over. Run zeblit login again for a new one."
      : told(error);
    element<HTMLInputElement>("code").value = code;
    show("step-code");
  }
}

async function decide(decision: "APPROVE" | "DENY"): Promise<void> {
  const { decideDeviceCode } = await call<{ decideDeviceCode: { clientName: string } }>(
    { query: decideOperation, variables: { input: { userCode: code, decision } } },
    await token(),
  );
  const approved = decision === "APPROVE";
  element("done-title").textContent = approved ? "Approved" : "Denied";
  element("done-text").className = approved ? "success" : "warning";
  element("done-text").textContent = approved
    ? `${decideDeviceCode.clientName} is signed in. Go back to your terminal; this page can be closed.`
    : `${decideDeviceCode.clientName} got nothing. Whoever showed you the code learns only that it was denied.`;
  show("step-done");
}

/** Runs what a button or form does, once at a time, and shows what went wrong beside it. */
async function attempt(fault: string, buttons: Iterable<HTMLButtonElement>, act: () => Promise<void>): Promise<void> {
  const held = [...buttons];
  element(fault).textContent = "";
  for (const button of held) button.disabled = true;
  try {
    await act();
  } catch (error) {
    element(fault).textContent = told(error);
  } finally {
    for (const button of held) button.disabled = false;
  }
}

element("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void attempt("code-fault", element("code-form").querySelectorAll("button"), async () => {
    const entered = normalise(element<HTMLInputElement>("code").value);
    if (!entered) throw new Error("A code has eight letters, as in WDJB-MJHT.");
    code = entered;
    await next();
  });
});

element("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void attempt("sign-in-fault", element("sign-in-form").querySelectorAll("button"), async () => {
    const email = element<HTMLInputElement>("email");
    const password = element<HTMLInputElement>("password");
    if (!email.value || !password.value) throw new Error("Enter your e-mail and your password.");
    await signIn(email.value, password.value);
    password.value = "";
    await next();
  });
});

const decisions = element("step-decide").querySelectorAll("button");
element("approve").addEventListener("click", () => void attempt("decide-fault", decisions, () => decide("APPROVE")));
element("deny").addEventListener("click", () => void attempt("decide-fault", decisions, () => decide("DENY")));
element("other-account").addEventListener(
  "click",
  () =>
    void attempt("decide-fault", decisions, async () => {
      await signOut();
      await next();
    }),
);

void next().catch((error: unknown) => {
  element("code-fault").textContent = told(error);
  show("step-code");
});
