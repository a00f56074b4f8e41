import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { answer } from "../../kit/answers.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { Failed } from "../../kit/loading.tsx";
import { SendForm } from "../station/station-command.tsx";

/** A dialog with a form that sends one request. A refusal is shown in it, and what was typed stays. */
export function ActionDialog({
  title,
  action,
  what,
  hold,
  disabled,
  run,
  onDone,
  onClose,
  children,
}: {
  title: ComponentChildren;
  /** Text of the button. */
  action: string;
  /** What is sent, for the words of a failure: "the override". */
  what: string;
  hold?: boolean;
  disabled?: boolean;
  /** Sends the request, and returns the answer in words. */
  run: () => Promise<string>;
  onDone: () => void;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const send = async (): Promise<void> => {
    setSending(true);
    setError(undefined);
    try {
      answer(await run());
      onClose();
    } catch (reason) {
      setError(reason);
      setSending(false);
    }
    onDone();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <SendForm
        action={action}
        hold={hold ?? false}
        disabled={disabled === true || isSending}
        onSend={() => void send()}
        onClose={onClose}
      >
        {children}
        {error !== undefined && <Failed error={error} what={what} />}
      </SendForm>
    </Dialog>
  );
}
