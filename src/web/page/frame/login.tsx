import { useEffect, useRef, useState } from "preact/hooks";
import { TextField } from "../kit/controls/field.tsx";
import { PageHeading } from "../kit/text/heading.tsx";
import { Failed } from "../kit/text/loading.tsx";
import { bridge, login } from "../state/bridge/bridge.ts";
import { navigate, place } from "../state/browser/router.ts";
import { useSignalValue } from "../state/browser/signal.ts";
import { ApiError } from "../state/requests/api-error.ts";

/** Asks for name and password, then opens the address that the reader asked for. */
export function Login() {
  const info = useSignalValue(bridge);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector("input")?.focus();
  }, []);
  if (info && !info.login)
    return (
      <div class="login">
        <PageHeading title="Log in" />
        <p>
          This bridge has no users who could log in here. It is reached with a token, or through the proxy
          that its operator set up.
        </p>
      </div>
    );
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setSending(true);
    setError(undefined);
    try {
      await login(name, password);
      const { path, query } = place.peek();
      if (path === "/login") navigate(nextOf(query.get("next")));
    } catch (reason) {
      setError(reason);
      setPassword("");
      form.current?.querySelector<HTMLInputElement>("input[type=password]")?.focus();
    } finally {
      setSending(false);
    }
  };
  const refused =
    error instanceof ApiError && error.status === 401 ? "Name or password is wrong." : undefined;
  return (
    <form class="login form" ref={form} onSubmit={(event) => void submit(event)}>
      <PageHeading title="Log in" />
      <TextField
        label="Name"
        name="username"
        autoComplete="username"
        value={name}
        onValue={setName}
        required
      />
      <TextField
        label="Password"
        name="password"
        type="password"
        autoComplete="current-password"
        value={password}
        onValue={setPassword}
        error={refused}
        required
      />
      {error !== undefined && !refused && <Failed error={error} what="the login" />}
      <button type="submit" class="button primary" disabled={isSending}>
        {isSending ? "Logging in" : "Log in"}
      </button>
    </form>
  );
}

/** Only addresses of this page: a link to the login must not lead elsewhere afterwards. */
function nextOf(next: string | null): string {
  if (next === null) return "/";
  const target = new URL(next, location.href);
  return target.origin === location.origin ? target.pathname + target.search : "/";
}
