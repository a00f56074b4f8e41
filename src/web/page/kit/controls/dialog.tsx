import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

/**
 * A dialog over the page. The browser keeps the focus inside, closes it with Esc, and gives the focus back. Draw it only
 * while it is open.
 */
export function Dialog({
  title,
  onClose,
  wide,
  children,
}: {
  title: ComponentChildren;
  onClose: () => void;
  wide?: boolean;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide ? "wide" : undefined}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" class="button plain" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <div class="content">{children}</div>
    </dialog>
  );
}

/** Time for which a button is held, in milliseconds. */
const HOLD = 1000;

/**
 * A button that acts after it was held for a second, by mouse, thumb, Enter or space. Screen readers press without
 * holding: they press twice.
 */
export function HoldButton({
  onHeld,
  disabled,
  children,
}: {
  onHeld: () => void;
  disabled?: boolean;
  children: ComponentChildren;
}) {
  const button = useRef<HTMLButtonElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const pressed = useRef(Number.NEGATIVE_INFINITY);
  const hint = useId();
  const begin = (): void => {
    if (timer.current !== undefined || disabled) return;
    button.current?.style.setProperty("--hold-time", `${HOLD}ms`);
    button.current?.classList.add("held");
    timer.current = setTimeout(() => {
      end();
      onHeld();
    }, HOLD);
  };
  const end = (): void => {
    clearTimeout(timer.current);
    timer.current = undefined;
    button.current?.classList.remove("held");
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <>
      <button
        ref={button}
        type="button"
        class="button danger hold"
        disabled={disabled}
        aria-describedby={hint}
        onPointerDown={(event) => event.button === 0 && begin()}
        onPointerUp={end}
        onPointerLeave={end}
        onPointerCancel={end}
        onContextMenu={(event) => event.preventDefault()}
        onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          begin();
        }}
        onKeyUp={end}
        onBlur={end}
        onClick={(event) => {
          // Programs that press for the reader send neither a pointer nor a key.
          if (event.detail !== 0 || (event as { pointerType?: string }).pointerType) return;
          if (event.timeStamp - pressed.current < 5000) onHeld();
          pressed.current = event.timeStamp;
        }}
      >
        {children}
      </button>
      <small id={hint} class="quiet">
        Hold for a second. With a screen reader: press twice.
      </small>
    </>
  );
}
