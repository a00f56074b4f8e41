import type { LimitBook } from "./limit-book.ts";
import type { Notices } from "./notices.ts";

/** Tells at the start of a read-only bridge what is left standing in the devices. */
export function sayReadOnly(book: LimitBook, notices: Notices): void {
  const held = book.standing();
  const endless = held.filter(({ endsAt }) => endsAt === undefined).length;
  const ends = Math.max(0, ...held.map(({ endsAt }) => endsAt ?? 0));
  const left =
    held.length === endless
      ? ""
      : `; ${held.length - endless} set points held from before are not renewed and end by themselves, the last at ${new Date(ends).toISOString()}`;
  const stay =
    endless === 0 ? "" : `; ${endless} held from before have no end and stand until somebody clears them`;
  notices.say("warning", "read_only", `the bridge is read-only: it writes to no device${left}${stay}`);
}
