/** States of a port as the page shows them; `limited` is a port in use or free whose load is held down. */
export type MarkedState = "in_use" | "available" | "limited" | "faulted" | "unreachable" | "unknown";

const MARKS: Readonly<Record<MarkedState, readonly [mark: string, word: string]>> = {
  in_use: ["●", "in use"],
  available: ["○", "available"],
  limited: ["◐", "limited"],
  faulted: ["▲", "faulted"],
  unreachable: ["✕", "unreachable"],
  unknown: ["?", "unknown"],
};

/** A state by shape, colour and word. `text` replaces the word, e.g. by the network's own. */
export function StateMark({
  state,
  text,
  title,
}: {
  state: MarkedState;
  text?: string;
  title?: string | undefined;
}) {
  const [mark, word] = MARKS[state];
  return (
    <span class={`state ${state}`} title={title}>
      <span class="mark" aria-hidden="true">
        {mark}
      </span>
      {text ?? word}
    </span>
  );
}

/** Severity of a notice or alarm, by the same shapes. */
export function SeverityMark({ severity }: { severity: "info" | "warning" | "error" }) {
  const [state, mark] = (
    { info: ["in_use", "●"], warning: ["limited", "◐"], error: ["faulted", "▲"] } as const
  )[severity];
  return (
    <span class={`state ${state}`}>
      <span class="mark" aria-hidden="true">
        {mark}
      </span>
      {severity}
    </span>
  );
}
