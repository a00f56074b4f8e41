import { signal } from "@preact/signals-core";
import { useSignalValue } from "../../state/browser/signal.ts";

interface Answer {
  readonly id: number;
  readonly kind: "note" | "done" | "failed";
  readonly text: string;
}

const answers = signal<readonly Answer[]>([]);
let last = 0;

/** Time for which an answer stays, in milliseconds. A failure stays until it is closed. */
const STAYS = 8000;
const MOST_SHOWN = 4;

/** Says how a command ended: beside the page, and to screen readers. Only for answers to what the reader did. */
export function answer(text: string, kind: Answer["kind"] = "done"): void {
  const one = { id: ++last, kind, text };
  answers.value = [...answers.peek(), one].slice(-MOST_SHOWN);
  if (kind !== "failed") setTimeout(() => close(one.id), STAYS);
}

function close(id: number): void {
  answers.value = answers.peek().filter((one) => one.id !== id);
}

/** Where the answers appear; drawn once, by the frame, so that screen readers know it before the first of them. */
export function Answers() {
  const list = useSignalValue(answers);
  return (
    <div class="answers" role="status" aria-live="polite">
      {list.map(({ id, kind, text }) => (
        <div key={id} class={`answer ${kind}`}>
          <span>{text}</span>
          <button type="button" class="button plain" aria-label="Close" onClick={() => close(id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
