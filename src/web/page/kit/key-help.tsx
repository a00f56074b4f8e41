import { useState } from "preact/hooks";
import { bindings, useKeys } from "../state/keys.ts";
import { useSignalValue } from "../state/signal.ts";
import { Dialog } from "./dialog.tsx";

/** The overlay of `?`: every key that does something on this view. */
export function KeyHelp() {
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
