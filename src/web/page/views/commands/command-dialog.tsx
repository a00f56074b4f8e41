import { effect, type ReadonlySignal } from "@preact/signals-core";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { answer } from "../../kit/controls/answers.tsx";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { DialogForm } from "../../kit/controls/dialog-form.tsx";
import { type CommandProgress, type CommandRequest, sendCommand } from "../../state/bridge/commands.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { isGood, outcomeText, Progress } from "./progress.tsx";

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
  units?: string | undefined;
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

/** Asks before a command that needs no further choice, and shows what becomes of it. */
export function AskDialog({
  title,
  units,
  action,
  request,
  onClose,
  children,
}: {
  title: ComponentChildren;
  units?: string | undefined;
  /** Text of the button. */
  action: string;
  request: CommandRequest;
  onClose: () => void;
  children: ComponentChildren;
}) {
  return (
    <CommandDialog title={title} units={units} onClose={onClose}>
      {(send) => (
        <DialogForm action={action} onClose={onClose} onSend={() => send(request)}>
          {children}
        </DialogForm>
      )}
    </CommandDialog>
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
