import type { ReadonlySignal } from "@preact/signals-core";
import { anyValue, localTime } from "../../kit/text/format.ts";
import { Failed } from "../../kit/text/loading.tsx";
import { type MarkedState, StateMark } from "../../kit/text/state-mark.tsx";
import { Time } from "../../kit/text/time.tsx";
import type { CommandProgress, CommandStep } from "../../state/bridge/commands.ts";
import { useSignalValue } from "../../state/browser/signal.ts";

interface StepText {
  readonly mark: "in_use" | "available" | "limited" | "faulted";
  readonly word: string;
  readonly text: string;
}

/** What happened to a command, step by step, as the bridge learns it. */
export function Progress({ of, units }: { of: ReadonlySignal<CommandProgress>; units: string }) {
  const { request, steps, error, final } = useSignalValue(of);
  return (
    <div class="progress" role="status" aria-live="polite">
      <ol>
        {steps.map((step) => {
          const { mark, word, text } = stepText(step, units);
          return (
            <li key={`${step.state}${step.at}`}>
              <StateMark state={mark} text={word} />
              <Time at={step.at} class="quiet" />
              <span class="text">
                <bdi>{text}</bdi>
              </span>
            </li>
          );
        })}
      </ol>
      {error !== undefined && (
        <Failed error={error} what={request.action === "set" ? "the set point" : "the revert"} />
      )}
      <p class="quiet">{whatNext(steps.at(-1), final && error === undefined)}</p>
    </div>
  );
}

/** The end of a command in one sentence, for the answers beside the page. */
export function outcomeText({ request, steps, error }: CommandProgress, units: string): string {
  const what = request.point === undefined ? request.device : `${request.device}/${request.point}`;
  if (error !== undefined) return `${what}: ${error instanceof Error ? error.message : String(error)}`;
  const { word, text } = stepText(steps.at(-1)!, units);
  return `${what}: ${word}, ${text}`;
}

export const isGood = ({ steps, error }: CommandProgress): boolean =>
  error === undefined && ["confirmed", "accepted"].includes(steps.at(-1)!.state);

/** A step in words. */
export function stepText({ state, view }: CommandStep, units: string): StepText {
  const text = view?.text ?? "";
  const code = view?.code ? ` (code ${view.code})` : "";
  const reads = view?.readBack === undefined ? "" : `reads ${withUnit(view.readBack, units)}`;
  switch (state) {
    case "sending":
      return { mark: "in_use", word: "to the bridge", text: "" };
    case "lost":
      return {
        mark: "limited",
        word: "connection lost",
        text: "The bridge did not answer; it may have the command. This page asks what became of it.",
      };
    case "sent":
      return { mark: "in_use", word: "sent", text: "checked, and on its way to the station" };
    case "accepted":
      return { mark: "in_use", word: "accepted", text: sentence(`the network took it${code}`, text) };
    case "confirmed":
      return { mark: "available", word: "confirmed", text: sentence(reads || `as asked${code}`, text) };
    case "unconfirmed":
      return {
        mark: "limited",
        word: "not confirmed",
        text: sentence(reads ? `the station ${reads}` : "it is not known whether the station has it", text),
      };
    case "refused":
      return { mark: "faulted", word: "refused", text: text || "the bridge refused it" };
    case "failed":
      return { mark: "faulted", word: "failed", text: sentence(`the network did not take it${code}`, text) };
  }
}

const withUnit = (value: unknown, units: string): string => `${anyValue(value)} ${units}`.trim();

/** Standard praise of the network says nothing new. */
function sentence(first: string, more: string): string {
  return more === "" || /executed successfully/i.test(more) ? first : `${first}: ${more}`;
}

/** What is safe, and what the bridge does by itself. */
function whatNext(step: CommandStep | undefined, final: boolean): string {
  if (!step) return "";
  if (!final) {
    if (step.state === "accepted")
      return "The station does not show it yet. The bridge reads it back for up to a minute; you may close this.";
    if (step.state === "unconfirmed")
      return "The answer was lost. The bridge does not send it again; it reads back whether the station has it.";
    return "";
  }
  switch (step.state) {
    case "refused":
      return "Nothing was sent. The station is as it was.";
    case "failed":
      return "The station is as it was, as far as the network says. The bridge does not try again by itself.";
    case "unconfirmed":
      return "The bridge counts it as its own with state unknown: it reads it back with every scrape until it is known, and ends it at its time. It is not sent again by itself.";
    case "accepted":
      return "It could not be read back, or a later command came first. The next scrape shows what the station does.";
    default:
      return "";
  }
}

/** When a limit ends by itself, for a sentence: `, until 11:32`. */
export function endText(minutes: number | undefined): string {
  if (minutes === undefined) return "";
  const now = new Date();
  return `, until ${localTime(new Date(now.getTime() + minutes * 60_000), now, false)}`;
}

const STATUSES: Readonly<Record<string, readonly [mark: MarkedState, word: string]>> = {
  sent: ["in_use", "sent"],
  accepted: ["in_use", "accepted"],
  confirmed: ["available", "confirmed"],
  unconfirmed: ["limited", "not confirmed"],
  refused: ["faulted", "refused"],
  failed: ["faulted", "failed"],
};

/** The status of a command in a log; one that this version does not know is shown as it is. */
export function StatusMark({ status = "no answer" }: { status?: string | undefined }) {
  const [state, text] = STATUSES[status] ?? ["unknown", status];
  return <StateMark state={state} text={text} />;
}
