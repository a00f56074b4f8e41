import { type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { api } from "./api.ts";

/** Mean loads of the last hour, one for each two minutes; null where nothing was read. */
export type HourOfLoad = readonly (number | null)[];

interface LastHourAnswer {
  readonly totalKw: HourOfLoad;
  readonly limitKw: number | null;
  readonly devices: readonly {
    readonly device: string;
    readonly ports: readonly { readonly port: string; readonly loadKw: HourOfLoad }[];
  }[];
}

type Ports = Readonly<Record<string, HourOfLoad>>;

const total = signal<HourOfLoad>([]);
/** The curve of the whole site; empty until it is loaded. */
export const totalHour: ReadonlySignal<HourOfLoad> = total;

const limit = signal<number | null>(null);
/** The limit of the whole site in kW; null where there is none. */
export const siteLimit: ReadonlySignal<number | null> = limit;

const hours = new Map<string, { readonly ports: Signal<Ports | undefined>; loadedAt: number }>();
/** Devices of visible rows, and how many rows want each. */
const visible = new Map<string, number>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Time after which a visible curve is loaded again, in milliseconds. */
const FRESH = 60_000;
/** Wait for more rows before they are asked for together, in milliseconds: a scroll asks for the rows it ends at. */
const GATHER = 150;
const MOST_DEVICES = 50;
/** Curves kept; the oldest are forgotten. */
const MOST_KEPT = 2000;

/** Returns the last hour of the ports of a device: undefined until {@link wantLastHour} has loaded it. */
export function lastHour(device: string): ReadonlySignal<Ports | undefined> {
  let hour = hours.get(device);
  if (!hour) {
    hour = { ports: signal(undefined), loadedAt: Number.NEGATIVE_INFINITY };
    hours.set(device, hour);
    if (hours.size > MOST_KEPT) hours.delete(hours.keys().next().value!);
  }
  return hour.ports;
}

/** Keeps the curve of a device up to date while its row is drawn. Returns the function that ends it. */
export function wantLastHour(device: string): () => void {
  visible.set(device, (visible.get(device) ?? 0) + 1);
  loadIn(GATHER);
  return () => {
    const rows = (visible.get(device) ?? 0) - 1;
    if (rows > 0) visible.set(device, rows);
    else visible.delete(device);
  };
}

/** Keeps the curve of the site up to date. Returns the function that ends it. */
export function startTotalHour(): () => void {
  loadIn(0);
  const again = setInterval(() => {
    if (!document.hidden) loadIn(0);
  }, FRESH);
  return () => clearInterval(again);
}

function loadIn(milliseconds: number): void {
  if (timer === undefined) timer = setTimeout(() => void load(), milliseconds);
}

async function load(): Promise<void> {
  const now = performance.now();
  const isOld = (device: string): boolean => now - (hours.get(device)?.loadedAt ?? 0) > FRESH / 2;
  const old = [...visible.keys()].filter(isOld);
  const device = old.slice(0, MOST_DEVICES);
  try {
    const answer = await api.get<LastHourAnswer>("last-hour", { query: { device } });
    total.value = answer.totalKw;
    limit.value = answer.limitKw;
    for (const one of answer.devices) {
      const hour = hours.get(one.device);
      if (!hour) continue;
      hour.loadedAt = now;
      hour.ports.value = Object.fromEntries(one.ports.map(({ port, loadKw }) => [port, loadKw]));
    }
  } catch {
    // Decoration beside the numbers, which say all that matters; it is asked for again in a minute.
    for (const one of device) {
      const hour = hours.get(one);
      if (hour) hour.loadedAt = now;
    }
  } finally {
    timer = undefined;
  }
  if (old.length > MOST_DEVICES) loadIn(GATHER);
}
