import { signal } from "@preact/signals-core";
import { useEffect, useRef } from "preact/hooks";

/** A key, or two one after the other ("g s"), and what it does. */
export interface KeyBinding {
  readonly keys: string;
  /** What it does, for the overlay: "Go to stations". */
  readonly what: string;
  readonly run: () => void;
}

/** The bindings in force; a view adds its own while it is drawn. */
export const bindings = signal<readonly KeyBinding[]>([]);

/** Adds bindings while the component is drawn. The newest binding of a key wins. */
export function useKeys(list: readonly KeyBinding[]): void {
  const newest = useRef(list);
  newest.current = list;
  const names = list.map(({ keys }) => keys).join(",");
  // A new function behind the same key needs no new entry.
  useEffect(() => {
    const added = newest.current.map(
      ({ keys, what }): KeyBinding => ({
        keys,
        what,
        run: () => newest.current.find((one) => one.keys === keys)?.run(),
      }),
    );
    bindings.value = [...bindings.peek(), ...added];
    return () => {
      bindings.value = bindings.peek().filter((one) => !added.includes(one));
    };
  }, [names]);
}

/** Maximum time between the two keys of a sequence, in milliseconds. */
const SEQUENCE = 1200;

export function startKeys(): void {
  let first: { key: string; at: number } | undefined;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const { key } = event;
    const keys = first && event.timeStamp - first.at < SEQUENCE ? `${first.key} ${key}` : key;
    first = undefined;
    const binding = bindings.peek().findLast((one) => one.keys === keys);
    if (binding) {
      event.preventDefault();
      binding.run();
    } else if (key.length === 1 && bindings.peek().some((one) => one.keys.startsWith(`${key} `)))
      first = { key, at: event.timeStamp };
  });
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("[data-keys='own']")) return true;
  if (target instanceof HTMLInputElement)
    return !["checkbox", "radio", "button", "submit"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
