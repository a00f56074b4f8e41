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
  text?: string | undefined;
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

export type Severity = "info" | "note" | "warning" | "error";

const SEVERITIES: Readonly<Record<Severity, MarkedState>> = {
  info: "in_use",
  note: "in_use",
  warning: "limited",
  error: "faulted",
};

/** Severity of a notice, an alarm or a problem; `text` replaces the word. */
export function SeverityMark({ severity, text }: { severity: Severity; text?: string }) {
  return <StateMark state={SEVERITIES[severity]} text={text ?? severity} />;
}
