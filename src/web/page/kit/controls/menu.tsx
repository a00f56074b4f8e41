import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

/** An entry of a {@link Menu}: a link or an action. */
export type MenuItem =
  | { readonly text: string; readonly href: string; readonly download?: boolean }
  | { readonly text: string; readonly run: () => void };

/** A button that opens a list of links and actions; arrow keys move, Esc closes. */
export function Menu({
  label,
  button,
  items,
}: {
  label: string;
  button: ComponentChildren;
  items: readonly MenuItem[];
}) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const id = useId();
  const entries = (): HTMLElement[] => [
    ...(place.current?.querySelectorAll<HTMLElement>("[role='menuitem']") ?? []),
  ];
  useEffect(() => {
    if (!open) return undefined;
    entries()[0]?.focus();
    const outside = (event: Event): void => {
      if (!place.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);
  const close = (): void => {
    setOpen(false);
    place.current?.querySelector("button")?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const list = entries();
    const at = list.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") list[(at + 1) % list.length]?.focus();
    else if (event.key === "ArrowUp") list[(at - 1 + list.length) % list.length]?.focus();
    else return;
    event.preventDefault();
  };
  return (
    <div class="menu" ref={place}>
      <button
        type="button"
        class="button plain"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      {open && (
        <div id={id} role="menu" tabIndex={-1} aria-label={label} data-keys="own" onKeyDown={onKeyDown}>
          {items.map((item) =>
            "href" in item ? (
              <a key={item.text} role="menuitem" href={item.href} download={item.download} onClick={close}>
                {item.text}
              </a>
            ) : (
              <button
                key={item.text}
                type="button"
                role="menuitem"
                onClick={() => {
                  close();
                  item.run();
                }}
              >
                {item.text}
              </button>
            ),
          )}
        </div>
      )}
    </div>
  );
}
