import type { RefObject } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { fieldText, withLineEnds } from "./model/line-ends.ts";
import type { FileProblem } from "./model/problems.ts";

/** Height of a line, in pixels; the same in registry.css. */
const LINE = 20;
/** Number of problems that are marked beside their lines. */
const MOST_MARKS = 1000;

/** The text of a file, with the numbers of its lines; lines with problems are marked. Line ends stay as they are. */
export function TextEditor({
  name,
  text,
  problems,
  onText,
  goTo,
}: {
  name: string;
  text: string;
  problems: readonly FileProblem[];
  onText: (text: string) => void;
  /** Set by the editor: puts the cursor at a place. */
  goTo: RefObject<(line: number, column: number) => void>;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  const numbers = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => fieldText(text), [text]);
  const lines = useMemo(() => shown.split("\n").length, [shown]);
  const list = useMemo(() => Array.from({ length: lines }, (_, at) => at + 1).join("\n"), [lines]);
  goTo.current = (line, column) => {
    const element = field.current;
    if (!element) return;
    let start = 0;
    for (let at = 1; at < line; at++) start = element.value.indexOf("\n", start) + 1;
    const end = element.value.indexOf("\n", start);
    const from = Math.min(start + column - 1, end < 0 ? element.value.length : end);
    element.focus();
    element.setSelectionRange(from, end < 0 ? element.value.length : end);
    element.scrollTop = (line - 1) * LINE - element.clientHeight / 3;
  };
  return (
    <div class="text-editor">
      <div class="line-numbers" aria-hidden="true">
        <div ref={numbers}>
          <pre>{list}</pre>
          {problems.slice(0, MOST_MARKS).map(({ line, severity }, index) => (
            <span key={index} class={`line-mark ${severity}`} style={{ top: `${(line - 1) * LINE}px` }}>
              {severity === "error" ? "▲" : "◐"}
            </span>
          ))}
        </div>
      </div>
      <textarea
        ref={field}
        aria-label={`Text of ${name}`}
        wrap="off"
        spellcheck={false}
        autoComplete="off"
        autoCapitalize="off"
        value={shown}
        onInput={({ currentTarget }) => onText(withLineEnds(text, currentTarget.value))}
        onScroll={({ currentTarget }) =>
          numbers.current?.style.setProperty("transform", `translateY(${-currentTarget.scrollTop}px)`)
        }
      />
    </div>
  );
}
