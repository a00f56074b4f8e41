import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useKeys } from "../../state/browser/keys.ts";

/** A field that filters the list below it. `/` goes to it, Esc empties it. */
export function FilterBox({
  value,
  onFilter,
  label,
}: {
  value: string;
  onFilter: (text: string) => void;
  /** What is filtered, e.g. "Filter stations". */
  label: string;
}) {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const newest = useRef(onFilter);
  newest.current = onFilter;
  const sent = useRef(value);
  useKeys([{ keys: "/", what: label, run: () => field.current?.select() }]);
  // The list follows a moment later: letters appear at once, however long the list is.
  useEffect(() => {
    if (text === sent.current) return undefined;
    const timer = setTimeout(() => {
      sent.current = text;
      newest.current(text);
    }, 120);
    return () => clearTimeout(timer);
  }, [text]);
  // A link, e.g. "Show all", has another filter, or none. At once: later, the reader may have typed on.
  useLayoutEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setText(value);
  }, [value]);
  return (
    <search class="search">
      <span aria-hidden="true">⌕</span>
      <input
        ref={field}
        type="search"
        aria-label={label}
        placeholder="filter…"
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          if (text === "") event.currentTarget.blur();
          else setText("");
        }}
      />
      <kbd title="Key that goes to this field">/</kbd>
    </search>
  );
}

/** Returns whether each word of a filter is in a text. Both in lower case. */
export function matches(text: string, words: readonly string[]): boolean {
  return words.every((word) => text.includes(word));
}

/** The words of a filter. */
export function wordsOf(filter: string): readonly string[] {
  return filter.toLowerCase().split(/\s+/).filter(Boolean);
}
