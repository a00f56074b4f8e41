import type { Bus } from "../../bus.ts";
import type {
  AlarmChange,
  AlarmList,
  AlarmRecord,
  DeviceInfo,
  OpenAlarm,
  OpenAlarms,
  PointValue,
  Scrape,
} from "../../points/index.ts";
import { recordOf } from "../../storage/saved-record.ts";
import type { StateNamespace, StateStore } from "../../storage/state-store.ts";

/** An alarm that was listed at the last reading. */
interface Listed {
  readonly record: Omit<AlarmRecord, "ends">;
  /** It was raised, and neither cleared nor reported as over. */
  readonly isOpen: boolean;
}

/** What is remembered of a device: no more than its driver lists. */
interface Known {
  /** Absent where the driver type does not tell. */
  readonly stationID: string | undefined;
  readonly listed: ReadonlyMap<string, Listed>;
  readonly isCut: boolean;
}

type SavedAlarm = readonly [port: string | null, type: string, at: number, isOpen: boolean];

interface SavedDevice {
  readonly stationID?: string;
  readonly isCut: boolean;
  readonly alarms: readonly SavedAlarm[];
}

const isSaved: (value: unknown) => value is SavedDevice = recordOf<SavedDevice>({
  stationID: "string?",
  isCut: "boolean",
  alarms: (alarms) => Array.isArray(alarms) && alarms.every(isSavedAlarm),
});

function isSavedAlarm(value: unknown): value is SavedAlarm {
  if (!Array.isArray(value)) return false;
  const [port, type, at, isOpen] = value as readonly unknown[];
  const isPort = port === null || typeof port === "string";
  return isPort && typeof type === "string" && Number.isFinite(at) && typeof isOpen === "boolean";
}

export interface AlarmCounters {
  /** Alarms that are open now. */
  readonly open: number;
  readonly raised: number;
  readonly cleared: number;
}

/**
 * Announces each alarm of the devices once, when it is raised and when it is cleared, by comparing what the network lists with what it
 * listed before. The last lists are kept over restarts, so that what happened in between is announced, and nothing twice. Alarms that
 * are there when a device is read for the first time are open, and are not announced.
 */
export class AlarmWatch {
  readonly #bus: Bus;
  readonly #state: Pick<StateStore, "batch">;
  readonly #store: StateNamespace;
  readonly #known = new Map<string, Known>();
  /** Lists that were compared in this run, by path. */
  readonly #compared = new Map<string, AlarmList>();
  readonly #waiting = new Map<string, Scrape & { readonly alarms: AlarmList }>();
  #flush: NodeJS.Immediate | undefined;
  #counts = { raised: 0, cleared: 0 };

  constructor(bus: Bus, state: StateStore) {
    this.#bus = bus;
    this.#state = state;
    this.#store = state.namespace("alarms");
    for (const [path, saved] of this.#store.records(isSaved)) this.#known.set(path, knownOf(saved));
  }

  get counters(): AlarmCounters {
    let open = 0;
    for (const { listed } of this.#known.values())
      for (const { isOpen } of listed.values()) if (isOpen) open++;
    return { open, ...this.#counts };
  }

  /** Returns the open alarms of a device; undefined where they were not read in this run. */
  openAlarms(device: DeviceInfo): OpenAlarms | undefined {
    const known = this.#compared.has(device.path) ? this.#known.get(device.path) : undefined;
    return known && openOf(device, known);
  }

  noteScrape(scrape: Scrape): void {
    const { alarms, device } = scrape;
    if (!alarms || this.#compared.get(device.path) === alarms) return;
    this.#waiting.set(device.path, { ...scrape, alarms });
    // The devices of a round are saved together.
    this.#flush ??= setImmediate(() => this.flush());
  }

  /** Compares what was read. */
  flush(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const scrapes = [...this.#waiting.values()];
    this.#waiting.clear();
    if (scrapes.length === 0) return;
    // What listeners store of an alarm is on disk together with the list, or neither is.
    this.#state.batch(() => {
      for (const scrape of scrapes) this.#compare(scrape);
    });
  }

  /** Called when a device gets another path. */
  rename(from: string, to: string): void {
    const known = this.#known.get(from);
    if (!known) return;
    this.forget(from);
    this.#keep(to, known);
  }

  /** Called when a device is gone for good. */
  forget(path: string): void {
    this.#waiting.delete(path);
    this.#compared.delete(path);
    if (this.#known.delete(path)) this.#store.set(path, null);
  }

  #compare({ device, takenAt, alarms }: Scrape & { readonly alarms: AlarmList }): void {
    const { path, stationID } = device;
    const saved = this.#known.get(path);
    // Another station under the same path is a new device.
    const before = saved?.stationID === stationID ? saved : undefined;
    const { known, changes } = compared(before, alarms, stationID);
    const isFirst = !this.#compared.has(path);
    this.#compared.set(path, alarms);
    if (!before || !isSame(before, known)) this.#keep(path, known);
    for (const change of changes) {
      this.#counts[change.state]++;
      this.#bus.emit("alarm", describe(change, device, takenAt));
    }
    if (isFirst || !before || !isSame(before, known)) this.#bus.emit("openAlarms", openOf(device, known));
  }

  #keep(path: string, known: Known): void {
    this.#known.set(path, known);
    const { stationID, listed, isCut } = known;
    const alarms = [...listed.values()].map(
      ({ record: { port, type, at }, isOpen }): SavedAlarm => [port, type, at.getTime(), isOpen],
    );
    const saved: SavedDevice = { ...(stationID !== undefined && { stationID }), isCut, alarms };
    this.#store.set(path, saved as object as Record<string, PointValue>);
  }
}

type Change = Pick<AlarmChange, "state" | "at"> & { readonly record: Listed["record"] };

/** Compares a list with the one before, if any: in the order of time first what was added, then what is no longer listed. */
function compared(
  before: Known | undefined,
  { records, isCut }: AlarmList,
  stationID: string | undefined,
): { readonly known: Known; readonly changes: readonly Change[] } {
  const listed = new Map<string, Listed>();
  const changes: Change[] = [];
  const isNew = isNewSince(before);
  /** Alarms whose end is announced: those whose beginning was, and those that were open at the first reading. */
  const announced = new Set(
    [...(before?.listed ?? [])].filter(([, { isOpen }]) => isOpen).map(([key]) => key),
  );
  for (const record of records) {
    const { port, type, at, ends } = record;
    const key = keyOf(record);
    const earlier = before?.listed.get(key);
    listed.set(key, earlier ?? { record: { port, type, at }, isOpen: !ends });
    if (!ends && !earlier && isNew(record)) {
      announced.add(key);
      changes.push({ state: "raised", at, record });
    }
    if (!ends) continue;
    // Also where it is not new: a station that was out of reach reports its alarms late.
    for (const [place, { record: over, isOpen }] of listedBefore(listed, record)) {
      if (!isOpen || !ends(over.type)) continue;
      listed.set(place, { record: over, isOpen: false });
      if (announced.has(place)) changes.push({ state: "cleared", at, record: over });
    }
  }
  for (const [key, { record, isOpen }] of before?.listed ?? []) {
    if (listed.has(key)) continue;
    // It may be among those that are left out now.
    const isLeftOut = isCut && record.at.getTime() <= (records[0]?.at.getTime() ?? 0);
    if (isOpen && !isLeftOut) changes.push({ state: "cleared", at: null, record });
  }
  return { known: { stationID, listed, isCut }, changes };
}

/** Returns the alarms of the same port, or of the station, that began no later than a record. */
function listedBefore(listed: ReadonlyMap<string, Listed>, { port, at }: AlarmRecord): [string, Listed][] {
  return [...listed].filter(([, { record }]) => record.port === port && record.at.getTime() <= at.getTime());
}

/** Returns whether a record that was not listed before is news; not one that may only have been left out before. */
function isNewSince(before: Known | undefined): (record: AlarmRecord) => boolean {
  if (!before) return () => false;
  if (!before.isCut) return () => true;
  const oldest = Math.min(...[...before.listed.values()].map(({ record }) => record.at.getTime()));
  return ({ at }) => at.getTime() > oldest;
}

function describe({ record, state, at }: Change, device: DeviceInfo, seenAt: Date): AlarmChange {
  const { port, type, at: raisedAt } = record;
  const { path, stationID } = device;
  const place = port === null ? path : `port ${port} of ${path}`;
  return {
    id: [stationID ?? path, port ?? "-", type, raisedAt.toISOString(), state].join(" "),
    ...{ device, port, alarm: type, state, raisedAt, at, seenAt },
    text: `alarm "${type}" ${state} at ${place}`,
  };
}

function openOf(device: DeviceInfo, { listed, isCut }: Known): OpenAlarms {
  const alarms = [...listed.values()]
    .filter(({ isOpen }) => isOpen)
    .map(({ record: { port, type, at } }): OpenAlarm => ({ port, alarm: type, raisedAt: at }))
    .reverse();
  return { device, alarms, isCut };
}

function knownOf({ stationID, isCut, alarms }: SavedDevice): Known {
  const listed = alarms.map(([port, type, at, isOpen]): [string, Listed] => {
    const record = { port, type, at: new Date(at) };
    return [keyOf(record), { record, isOpen }];
  });
  return { stationID, isCut, listed: new Map(listed) };
}

function keyOf({ port, type, at }: Listed["record"]): string {
  return JSON.stringify([port, type, at.getTime()]);
}

function isSame(one: Known, other: Known): boolean {
  if (one.isCut !== other.isCut || one.listed.size !== other.listed.size) return false;
  return [...one.listed].every(([key, { isOpen }]) => other.listed.get(key)?.isOpen === isOpen);
}
