import { effect, type ReadonlySignal } from "@preact/signals-core";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { answer } from "../../kit/answers.tsx";
import { Dialog, HoldButton } from "../../kit/dialog.tsx";
import { type CommandProgress, type CommandRequest, sendCommand } from "../../state/commands.ts";
import { useSignalValue } from "../../state/signal.ts";
import { isGood, outcomeText, Progress } from "./station-progress.tsx";

/**
 * A dialog that asks for a command, sends it, and shows what becomes of it. Closed before that is known, the answer
 * comes beside the page.
 */
export function CommandDialog({
  title,
  units = "",
  onClose,
  children,
}: {
  title: ComponentChildren;
  /** Of the point, for the value that was read back. */
  units?: string;
  onClose: () => void;
  /** Draws the form. */
  children: (send: (request: CommandRequest) => void) => ComponentChildren;
}) {
  const [sent, setSent] = useState<ReadonlySignal<CommandProgress>>();
  const newest = useRef(sent);
  newest.current = sent;
  useEffect(() => () => answerLater(newest.current, units), []);
  return (
    <Dialog title={title} onClose={onClose}>
      {sent ? (
        <Sent of={sent} units={units} onBack={() => setSent(undefined)} onClose={onClose} />
      ) : (
        children((request) => setSent(sendCommand(request)))
      )}
    </Dialog>
  );
}

function Sent({
  of,
  units,
  onBack,
  onClose,
}: {
  of: ReadonlySignal<CommandProgress>;
  units: string;
  onBack: () => void;
  onClose: () => void;
}) {
  const progress = useSignalValue(of);
  const close = useRef<HTMLButtonElement>(null);
  // The button that had the focus is gone.
  useEffect(() => close.current?.focus(), []);
  const nothingSent = progress.final && !isGood(progress);
  return (
    <>
      <Progress of={of} units={units} />
      <div class="row end">
        {nothingSent && (
          <button type="button" class="button" onClick={onBack}>
            Change and try again
          </button>
        )}
        <button type="button" class="button" ref={close} onClick={onClose}>
          Close
        </button>
      </div>
    </>
  );
}

/** Says beside the page how a command ended whose dialog is closed. */
function answerLater(sent: ReadonlySignal<CommandProgress> | undefined, units: string): void {
  if (!sent || sent.peek().final) return;
  const end = effect(() => {
    const progress = sent.value;
    if (!progress.final) return;
    answer(outcomeText(progress, units), isGood(progress) ? "done" : "failed");
    queueMicrotask(() => end());
  });
}

/** A form with Cancel and the button that sends; the button is held where charging stops. */
export function SendForm({
  action,
  hold = false,
  disabled = false,
  onSend,
  onClose,
  children,
}: {
  action: string;
  hold?: boolean;
  disabled?: boolean;
  onSend: () => void;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const form = useRef<HTMLFormElement>(null);
  // The reader came to choose a value, not to close the dialog.
  useEffect(() => {
    const first = form.current?.querySelector<HTMLElement>("input, select, textarea");
    (first ?? form.current?.querySelector<HTMLElement>(".row.end > button"))?.focus();
  }, []);
  return (
    <form
      ref={form}
      class="form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!hold && !disabled) onSend();
      }}
    >
      {children}
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        {hold ? (
          <HoldButton onHeld={onSend} disabled={disabled}>
            {action}
          </HoldButton>
        ) : (
          <button type="submit" class="button primary" disabled={disabled}>
            {action}
          </button>
        )}
      </div>
    </form>
  );
}
