import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { DeviceView, PortView } from "../../../schemas.ts";
import { apiHref, loginsAsked, problemOf } from "../requests/api.ts";
import { ApiError } from "../requests/api-error.ts";
import { onLive } from "../requests/live.ts";
import { objectsOf } from "../requests/object-stream.ts";
import { slices } from "../requests/slices.ts";
import { naturalKey } from "./natural-key.ts";

/** A device of the bridge; a row that shows it follows its signals, and nothing else is drawn again. */
export interface DeviceCell {
  readonly path: string;
  readonly view: Signal<DeviceView>;
  /** Changes with every scrape; the view only when something besides the time changed. */
  readonly readAt: Signal<string | null>;
  /** Name and path in lower case, for filters. */
  text: string;
  /** Key of the order by name. Kept because thousands of names take a while. */
  order: string;
}

/** The name of a station: that of its network, else its path. */
export const nameOf = ({ name, device }: Pick<DeviceView, "name" | "device">): string => name ?? device;

const textOf = (view: DeviceView): string => `${nameOf(view)} ${view.device}`.toLowerCase();
const orderOf = (view: DeviceView): string => naturalKey(`${nameOf(view)} ${view.device}`);

/** Counts of ports by the state that is shown, and sums. Every port is counted under one state. */
export interface Totals {
  readonly devices: number;
  readonly ports: number;
  readonly byState: Readonly<Record<PortWord, number>>;
  /** Ports of devices that were not read lately. */
  readonly stale: number;
  readonly loadKw: number;
}

export type PortWord = PortView["state"] | "limited";

/** The state of a port as the page shows it: a limit is news, unless something worse is. */
export function wordOf({ state, limit }: Pick<PortView, "state" | "limit">): PortWord {
  return limit && (state === "available" || state === "in_use") ? "limited" : state;
}

const cells = new Map<string, DeviceCell>();
const list = signal<readonly DeviceCell[]>([]);
const totalsNow = signal<Totals>(noTotals());
const loading = signal<"loading" | "complete" | { readonly error: unknown }>("loading");

/** All devices, ordered by name; a new list when one is added, gone, or has other ports. */
export const devices: ReadonlySignal<readonly DeviceCell[]> = list;
export const totals: ReadonlySignal<Totals> = totalsNow;
export const devicesState: ReadonlySignal<"loading" | "complete" | { readonly error: unknown }> = loading;

export function deviceCell(path: string): DeviceCell | undefined {
  return cells.get(path);
}

/** Returns the name of a station by its path; the path where it is not a device of the bridge. */
export function stationName(path: string): string {
  const cell = cells.get(path);
  return cell ? nameOf(cell.view.peek()) : path;
}

const sums = noTotals();
let listChanged = false;
/** Devices that live events named since the list was asked for: what they said is newer than the list. */
let newer = new Set<string>();

/** Loads all devices and follows their changes. Returns the function that ends it. */
export function startDevices(): () => void {
  let ended = new AbortController();
  const load = (): void => {
    ended.abort();
    ended = new AbortController();
    void loadAll(ended.signal);
  };
  const ends = [
    onLive<readonly DeviceView[]>("devices", (views) => batch(() => takeAll(views))),
    onLive<readonly { at: string; devices: readonly string[] }[]>("read", (reads) =>
      batch(() => {
        for (const { at, devices: paths } of reads)
          for (const path of paths) {
            const cell = cells.get(path);
            if (cell) cell.readAt.value = at;
          }
      }),
    ),
    onLive<readonly string[]>("gone", (paths) =>
      batch(() => {
        for (const path of paths) {
          newer.add(path);
          remove(path);
        }
        publish();
      }),
    ),
    onLive("reset", load),
  ];
  reload = load;
  load();
  return () => {
    ended.abort();
    for (const end of ends) end();
  };
}

/** Loads all devices again, after a failure. */
let reload: () => void = () => undefined;
export const reloadDevices = (): void => reload();

async function loadAll(ended: AbortSignal): Promise<void> {
  loading.value = "loading";
  const seen = new Set<string>();
  newer = new Set();
  const pause = slices();
  try {
    const response = await fetch(apiHref("devices"), {
      signal: ended,
      headers: { accept: "application/json" },
    });
    if (response.status === 401) loginsAsked.value += 1;
    if (!response.ok || !response.body)
      throw new ApiError(response.status, problemOf(response, await response.text()));
    // The first devices are shown at once, then twice as many each time: to order and draw a long list takes a while.
    let next = 1;
    for await (const views of objectsOf<DeviceView>(response.body)) {
      for (const view of views) {
        seen.add(view.device);
        if (!newer.has(view.device)) take(view);
      }
      if (seen.size >= next) {
        batch(publish);
        next = seen.size * 2;
      }
      await pause();
    }
    batch(() => {
      for (const path of cells.keys()) if (!seen.has(path) && !newer.has(path)) remove(path);
      publish();
      loading.value = "complete";
    });
  } catch (error) {
    if (ended.aborted) return;
    loading.value = {
      error:
        error instanceof ApiError
          ? error
          : new ApiError(0, { type: "urn:voltbridge:problem:unreachable", title: "Bridge unreachable" }),
    };
  }
}

function takeAll(views: readonly DeviceView[]): void {
  for (const view of views) {
    newer.add(view.device);
    take(view);
  }
  publish();
}

function take(view: DeviceView): void {
  const cell = cells.get(view.device);
  if (!cell) {
    cells.set(view.device, {
      path: view.device,
      view: signal(view),
      readAt: signal(view.readAt),
      text: textOf(view),
      order: orderOf(view),
    });
    listChanged = true;
  } else {
    const before = cell.view.peek();
    if (before.name !== view.name) {
      cell.text = textOf(view);
      cell.order = orderOf(view);
      listChanged = true;
    } else if (!samePorts(before, view)) listChanged = true;
    count(before, -1);
    cell.view.value = view;
    cell.readAt.value = view.readAt;
  }
  count(view, 1);
}

function samePorts(a: DeviceView, b: DeviceView): boolean {
  return (
    a.ports.length === b.ports.length && a.ports.every(({ port }, index) => port === b.ports[index]!.port)
  );
}

function remove(path: string): void {
  const cell = cells.get(path);
  if (!cell) return;
  cells.delete(path);
  count(cell.view.peek(), -1);
  listChanged = true;
}

function count(view: DeviceView, by: 1 | -1): void {
  for (const port of view.ports) sums.byState[wordOf(port)] += by;
  sums.devices += by;
  sums.ports += by * view.ports.length;
  if (view.availability !== "online") sums.stale += by * view.ports.length;
  sums.loadKw += by * (view.loadKw ?? 0);
}

function publish(): void {
  if (listChanged) {
    listChanged = false;
    list.value = [...cells.values()].sort((a, b) => (a.order < b.order ? -1 : 1));
  }
  totalsNow.value = { ...sums, byState: { ...sums.byState } };
}

function noTotals(): { -readonly [Key in keyof Totals]: Totals[Key] } & {
  byState: Record<PortWord, number>;
} {
  return {
    devices: 0,
    ports: 0,
    byState: { available: 0, in_use: 0, limited: 0, faulted: 0, unreachable: 0, unknown: 0 },
    stale: 0,
    loadKw: 0,
  };
}
