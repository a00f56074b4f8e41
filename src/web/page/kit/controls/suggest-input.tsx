import type { PartialInputHTMLAttributes } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";

/** What a field may contain. */
export interface SuggestedText {
  readonly text: string;
  readonly about?: string;
}

interface SuggestInputProps
  extends Pick<
    PartialInputHTMLAttributes<HTMLInputElement>,
    "id" | "aria-label" | "aria-describedby" | "class" | "placeholder"
  > {
  readonly value: string;
  readonly onValue: (text: string) => void;
  /** Those that fit the value. */
  readonly suggestions: readonly SuggestedText[];
  /** The reader took a suggestion by a click or Enter; `key`: what was pressed. */
  readonly onTake?: (text: string, key: "Enter" | "Tab" | "click") => void;
  /** Keys that the list does not need. */
  readonly onKey?: (event: KeyboardEvent) => void;
  readonly onLeave?: () => void;
  readonly autoFocus?: boolean;
  readonly "aria-invalid"?: boolean | undefined;
}

/** A field with a list of what it may contain. Arrow keys go through the list, Enter takes one, Esc closes it; any other text stays possible. */
export function SuggestInput({
  value,
  onValue,
  suggestions,
  onTake,
  onKey,
  onLeave,
  autoFocus,
  ...input
}: SuggestInputProps) {
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const [open, setOpen] = useState(autoFocus ?? false);
  const [chosen, setChosen] = useState(-1);
  const isOpen = open && suggestions.length > 0;
  useLayoutEffect(() => {
    if (!autoFocus) return;
    field.current?.focus();
    field.current?.setSelectionRange(value.length, value.length);
  }, []);
  useLayoutEffect(() => {
    if (isOpen) putBelow(list.current, field.current);
  }, [isOpen, suggestions]);
  // What scrolls away from its field closes.
  useEffect(() => {
    if (!isOpen) return undefined;
    const close = (event: Event): void => {
      if (!list.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("scroll", close, { capture: true, passive: true });
    return () => document.removeEventListener("scroll", close, { capture: true });
  }, [isOpen]);
  const take = (index: number, key: "Enter" | "Tab" | "click"): void => {
    const { text } = suggestions[index]!;
    setOpen(false);
    setChosen(-1);
    onValue(text);
    onTake?.(text, key);
  };
  const move = (step: number): void => {
    const next = (Math.max(chosen, step > 0 ? -1 : 0) + step + suggestions.length) % suggestions.length;
    setChosen(next);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    const { key } = event;
    if (isOpen && (key === "ArrowDown" || key === "ArrowUp")) {
      event.preventDefault();
      event.stopPropagation();
      move(key === "ArrowDown" ? 1 : -1);
    } else if (!isOpen && key === "ArrowDown" && event.altKey) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(true);
    } else if (isOpen && chosen >= 0 && (key === "Enter" || key === "Tab")) {
      event.preventDefault();
      event.stopPropagation();
      take(chosen, key);
    } else if (isOpen && key === "Escape" && chosen >= 0) {
      event.preventDefault();
      event.stopPropagation();
      setChosen(-1);
    } else onKey?.(event);
  };
  return (
    <span class="suggest">
      <input
        {...input}
        ref={field}
        type="text"
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={`${id}list`}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && chosen >= 0 ? `${id}option${chosen}` : undefined}
        autoComplete="off"
        autoCapitalize="off"
        spellcheck={false}
        value={value}
        onInput={({ currentTarget }) => {
          setOpen(true);
          setChosen(-1);
          onValue(currentTarget.value);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => {
          setOpen(false);
          onLeave?.();
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id={`${id}list`} role="listbox" aria-label="Suggestions" hidden={!isOpen}>
        {suggestions.map(({ text, about }, index) => (
          <div
            key={text}
            id={`${id}option${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            // The field keeps the focus.
            onPointerDown={(event) => event.preventDefault()}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(index, "click")}
            onKeyDown={(event) => event.key === "Enter" && take(index, "Enter")}
          >
            <bdi>{text === "" ? "(empty)" : text}</bdi>
            {about && <small class="quiet"> {about}</small>}
          </div>
        ))}
      </div>
    </span>
  );
}

/** Height that a list has at most, in pixels. */
const TALL = 240;

/** Puts a list below its field, or above it where there is more room; not cut off by what scrolls around the field. */
function putBelow(list: HTMLElement | null, field: HTMLElement | null): void {
  if (!list || !field) return;
  const { left, top, bottom, width } = field.getBoundingClientRect();
  const below = innerHeight - bottom - 8;
  const isBelow = below >= Math.min(TALL, list.scrollHeight) || below >= top;
  const height = Math.min(TALL, isBelow ? below : top - 8);
  const wide = Math.min(Math.max(width, 280), innerWidth - 16);
  const style = {
    left: `${Math.max(8, Math.min(left, innerWidth - wide - 8))}px`,
    top: isBelow ? `${bottom}px` : "auto",
    bottom: isBelow ? "auto" : `${innerHeight - top}px`,
    width: `${wide}px`,
    "max-height": `${height}px`,
  };
  for (const [name, text] of Object.entries(style)) list.style.setProperty(name, text);
}
