import { useLayoutEffect, useRef } from "preact/hooks";
import { age, localTime, NONE, remaining, utcTime } from "./format.ts";

interface TimeProps {
  /** ISO 8601 text, or milliseconds since 1970. */
  readonly at: string | number | null | undefined;
  readonly class?: string;
}

/** A time of the reader's own clock, with UTC on hover. */
export function Time({ at, seconds = true, ...rest }: TimeProps & { readonly seconds?: boolean }) {
  const date = dateOf(at);
  if (!date) return <span class={rest.class}>{NONE}</span>;
  return (
    <time dateTime={date.toISOString()} title={utcTime(date)} class={rest.class}>
      {localTime(date, new Date(), seconds)}
    </time>
  );
}

/** How long ago something was; counts on by itself, without drawing anything else again. */
export function Age({ at, ...rest }: TimeProps) {
  return <Ticking at={at} text={age} {...rest} />;
}

/** How long something still runs. */
export function Remaining({ until, ...rest }: Omit<TimeProps, "at"> & { readonly until: TimeProps["at"] }) {
  return <Ticking at={until} text={remaining} {...rest} />;
}

function Ticking({ at, text, ...rest }: TimeProps & { readonly text: (at: number, now: number) => string }) {
  const place = useRef<HTMLTimeElement>(null);
  const date = dateOf(at);
  const time = date?.getTime();
  useLayoutEffect(() => {
    if (time === undefined) return undefined;
    let shown: string | undefined;
    return eachSecond((now) => {
      const next = text(time, now);
      if (next === shown || !place.current) return;
      shown = next;
      place.current.textContent = next;
    });
  }, [time, text]);
  if (!date) return <span class={rest.class}>{NONE}</span>;
  // The text is written by the clock: there are no children for preact to compare.
  return <time ref={place} dateTime={date.toISOString()} title={both(date)} class={rest.class} />;
}

const both = (date: Date): string => `${localTime(date, new Date())} (${utcTime(date)})`;

function dateOf(at: TimeProps["at"]): Date | undefined {
  if (at === null || at === undefined) return undefined;
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

type Tick = (now: number) => void;

const ticks = new Set<Tick>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Calls `tick` now and once a second while the page can be seen. Returns the function that ends it. */
function eachSecond(tick: Tick): () => void {
  ticks.add(tick);
  tick(Date.now());
  timer ??= setInterval(() => {
    if (!document.hidden) tickAll();
  }, 1000);
  return () => {
    ticks.delete(tick);
    if (ticks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tickAll(): void {
  const now = Date.now();
  for (const tick of ticks) tick(now);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) tickAll();
});
