import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failed } from "../text/loading.tsx";
import { answer } from "./answers.tsx";
import { Dialog, HoldButton } from "./dialog.tsx";

/** The form of a dialog: its fields, Cancel, and the button that sends; it is held where charging stops. */
export function DialogForm({
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
      <DialogForm
        action={action}
        hold={hold}
        disabled={disabled === true || isSending}
        onSend={() => void send()}
        onClose={onClose}
      >
        {children}
        {error !== undefined && <Failed error={error} what={what} />}
      </DialogForm>
    </Dialog>
  );
}
