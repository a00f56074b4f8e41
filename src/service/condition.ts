import type { Availability } from "../points/index.ts";

/** What an operator should know of a bridge or a historian at one moment. */
export interface Condition {
  /** Absent: it has no devices. */
  readonly devices?: Readonly<Record<Availability, number>>;
  readonly broker: {
    /** Without user and password. */
    readonly url: string;
    readonly connected: boolean;
    /** Values that wait for it. */
    readonly waiting: number;
  };
  /** Absent: nothing is stored. */
  readonly store?:
    | {
        readonly backend: string;
        /** Values that wait for it. */
        readonly waiting: number;
        /** Absent while it accepts values. */
        readonly failing?: { readonly error: string } | undefined;
      }
    | undefined;
  /** Whether another bridge of this name is in charge. */
  readonly standby?: boolean;
  readonly readOnly?: boolean;
  /** Number of problems in the configs that are not in effect for them. */
  readonly problems?: number | undefined;
}

/** Describes a condition in one line. It changes seldom: counts are rounded. */
export function conditionText({ devices, broker, store, standby, readOnly, problems }: Condition): string {
  const parts = [];
  if (devices) parts.push(devicesText(devices));
  if (standby) parts.push("on standby: another bridge of this name is in charge");
  else if (readOnly) parts.push("read-only");
  if (!standby)
    parts.push(
      broker.connected
        ? `connected to ${broker.url}`
        : `not connected to ${broker.url}${waitingText(broker.waiting)}`,
    );
  if (store?.failing)
    parts.push(
      `the ${store.backend} store accepts no values${waitingText(store.waiting)}: ${store.failing.error}`,
    );
  else if (store) parts.push(`storing in ${store.backend}`);
  if (problems) parts.push(`changed configs have ${problems === 1 ? "an error" : `${problems} errors`}`);
  return parts.join("; ");
}

function devicesText({ online, stale, offline }: Readonly<Record<Availability, number>>): string {
  const all = online + stale + offline;
  const others = [stale > 0 && `${stale} stale`, offline > 0 && `${offline} offline`].filter(Boolean);
  const which = others.length === 0 ? "online" : [`${online} online`, ...others].join(", ");
  return `${all} ${all === 1 ? "device" : "devices"}${others.length === 0 ? " " : ": "}${which}`;
}

function waitingText(count: number): string {
  return count === 0 ? "" : `, about ${roughly(count)} values wait on disk`;
}

/** Rounds to one significant digit, so that a growing number is a new text ten times a decade only. */
function roughly(count: number): string {
  const unit = 10 ** Math.floor(Math.log10(count));
  return (Math.round(count / unit) * unit).toLocaleString("en-US");
}
