import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Answers } from "../kit/controls/answers.tsx";
import { Dialog } from "../kit/controls/dialog.tsx";
import { PageHeading } from "../kit/text/heading.tsx";
import { Empty, Failed, Skeleton } from "../kit/text/loading.tsx";
import { startAttention } from "../state/bridge/attention.ts";
import { bridge, bridgeError, loadBridge } from "../state/bridge/bridge.ts";
import { startDevices } from "../state/bridge/devices.ts";
import { bindings, useKeys } from "../state/browser/keys.ts";
import { place } from "../state/browser/router.ts";
import { useSignalValue } from "../state/browser/signal.ts";
import { loginsAsked } from "../state/requests/api.ts";
import { startLive } from "../state/requests/live.ts";
import { Header } from "./header.tsx";
import { Login } from "./login.tsx";
import { type ViewProps, viewOf } from "./routes.ts";

/** The frame around every view, once it is known who the reader is. */
export function Page() {
  const { path } = useSignalValue(place);
  const info = useSignalValue(bridge);
  const error = useSignalValue(bridgeError);
  const asked = useSignalValue(loginsAsked);
  // Also after a session ended: the bridge says what the reader may still see.
  useEffect(() => void loadBridge(), [asked]);
  const isIn = info?.caller !== null && info !== undefined;
  useEffect(() => {
    if (!isIn) return undefined;
    const ends = [startLive(), startDevices(), startAttention()];
    return () => {
      for (const end of ends) end();
    };
  }, [isIn]);
  return (
    <>
      {isIn && <Header />}
      <main id="main" tabIndex={-1}>
        {info === undefined ? (
          error === undefined ? (
            <Skeleton what="the bridge" lines={8} />
          ) : (
            <Failed error={error} what="the page" onRetry={() => void loadBridge()} />
          )
        ) : isIn && path !== "/login" ? (
          <CurrentView path={path} />
        ) : (
          <Login />
        )}
      </main>
      <KeyHelp />
      <Answers />
    </>
  );
}

/** Draws the view of the address; the view before stays until the next one is loaded. */
function CurrentView({ path }: { path: string }) {
  const found = viewOf(path);
  const [shown, setShown] = useState<{ Component: ComponentType<ViewProps>; name: string }>();
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);
  // `attempt` loads it again.
  useEffect(() => {
    setError(undefined);
    let ended = false;
    found?.view.load().then(
      (module) => {
        if (!ended) setShown({ Component: module.default, name: found.view.name });
      },
      (reason: unknown) => {
        if (!ended) setError(reason);
      },
    );
    return () => {
      ended = true;
    };
  }, [found?.view, attempt]);
  if (!found) return <NotFound />;
  if (error !== undefined)
    return <Failed error={error} what="this view" onRetry={() => setAttempt((count) => count + 1)} />;
  if (shown?.name !== found.view.name) return <Skeleton what="this view" />;
  const { Component } = shown;
  // Each address is a view of its own: nothing of one station is left when the next is shown.
  return <Component key={found.rest} rest={found.rest} />;
}

function NotFound() {
  return (
    <>
      <PageHeading title="Not found" hidden />
      <Empty title="There is no view at this address.">
        <a href="/">Go to the stations.</a>
      </Empty>
    </>
  );
}

/** The overlay of `?`: every key that does something on this view. */
function KeyHelp() {
  const [open, setOpen] = useState(false);
  useKeys([{ keys: "?", what: "Show the keys", run: () => setOpen(true) }]);
  const list = useSignalValue(bindings);
  if (!open) return null;
  // A view's own binding of a key replaces the one before it.
  const byKeys = new Map(list.map(({ keys, what }) => [keys, what]));
  return (
    <Dialog title="Keys" onClose={() => setOpen(false)}>
      <dl class="keys">
        {[...byKeys].map(([keys, what]) => [
          <dt key={`${keys}k`}>
            {keys.split(" ").map((key, index) => (
              // Keys of a sequence can repeat and never move.
              <kbd key={index}>{key}</kbd>
            ))}
          </dt>,
          <dd key={keys}>{what}</dd>,
        ])}
        <dt>
          <kbd>Enter</kbd>
        </dt>
        <dd>Open the row</dd>
        <dt>
          <kbd>Esc</kbd>
        </dt>
        <dd>Close, or empty the filter</dd>
      </dl>
    </Dialog>
  );
}
