// A query for devices and a time range comes in. The values and the bridge's own notes in the store give the gaps of each device:
// when values are missing, how many scrapes, and why.
import type { HistorianBackend, Topic } from "../contract.ts";
import { QueryError } from "../errors.ts";
import type { Historian } from "../query/historian.ts";
import { parseAvailabilityTopic, parseUnchangedTopic } from "../record/own-topics.ts";
import { isOwnTopic } from "../storable.ts";
import { formatTime, MINUTE, parseTime } from "../time.ts";
import { findHoles, type Hole } from "./holes.ts";
import { type Notes, readBridgeNotes, readDeviceNotes } from "./notes.ts";
import { type Explanation, explain, turningPoints } from "./reasons.ts";

export interface GapQuery {
  /** Device paths or their leading levels, in any case. Empty: every device. */
  readonly devices: readonly string[];
  /** Time as in a query. Default `now -1d`. */
  readonly start?: string;
  readonly end?: string;
}

export interface Gap extends Explanation {
  /** When the first missing scrape was due. `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`. */
  readonly from: string;
  /** When values resume, or the next gap with another reason starts. */
  readonly to: string;
  /** Number of missing scrapes. */
  readonly missing: number;
}

export interface DeviceGaps {
  readonly device: string;
  /** Seconds between scrapes. */
  readonly interval: number;
  /** Number of missing scrapes, the sum over the gaps. */
  readonly missing: number;
  readonly gaps: readonly Gap[];
}

interface Device {
  readonly path: string;
  readonly topics: readonly string[];
  /** Instance name of the bridge that recorded its availability. */
  readonly instance?: string;
}

/** Scrapes that were due: `count` of them, one every `interval` from `first` on. */
interface Due {
  readonly first: number;
  readonly count: number;
  readonly interval: number;
}

const SECOND = 1_000_000;
/** Maximum distance of two values without a gap, in intervals. */
const LONGEST_STEP = 1.5;
/** Topics that belong to no device. */
const NO_DEVICES = /^(actuators\/write|datalogger|record)\//i;
/** Number of failed scrapes until a device is reported offline; they are counted as offline too. */
const MISSES_UNTIL_OFFLINE = 4;
const SOME_ROWS = 100;

/** Returns when devices have no values, how many scrapes are missing, and why. Devices without gaps have an empty list. */
export async function findGaps(
  historian: Historian,
  { devices, start = "now -1d", end = "now" }: GapQuery,
  signal?: AbortSignal,
): Promise<DeviceGaps[]> {
  const now = historian.now();
  const range = { start: parseTime(start, now, "start"), end: parseTime(end, now, "end") };
  if (range.start > range.end)
    throw new QueryError("end", `must not be before the start ${start}, found ${end}`);
  const found = devicesOf(await historian.backend.topics(undefined, signal), devices);
  const byInstance = new Map<string, Awaited<ReturnType<typeof readBridgeNotes>>>();
  const reports: DeviceGaps[] = [];
  for (const device of found) {
    const { instance = "" } = device;
    const bridge = byInstance.get(instance) ?? (await readBridgeNotes(historian, instance, range, signal));
    byInstance.set(instance, bridge);
    const notes = { ...bridge, ...(await readDeviceNotes(historian, instance, device.path, range, signal)) };
    reports.push(await gapsOf(historian.backend, device, notes, range, signal));
  }
  return reports;
}

async function gapsOf(
  backend: HistorianBackend,
  { path, topics }: Device,
  notes: Notes,
  range: { readonly start: number; readonly end: number },
  signal?: AbortSignal,
): Promise<DeviceGaps> {
  const interval = await intervalOf(backend, topics, notes, range.end, signal);
  const known = await knownSince(backend, topics, notes, range.start, signal);
  if (known >= range.end) return { device: path, interval: interval / SECOND, missing: 0, gaps: [] };
  // Starts a little earlier, to decide whether the first scrape of the range is missing.
  const start = Math.max(range.start - 2 * interval, known);
  const longest = LONGEST_STEP * interval;
  const holes = await findHoles({ backend, topics, start, end: range.end, longest, signal });
  const search = { start, end: range.end, interval };
  // Losses have the times of scrapes, which are a little before or after they were due.
  const slack = interval / 2;
  const losses = notes.losses.map((loss) => ({ ...loss, from: loss.from - slack, to: loss.to + slack }));
  const gaps = holes.flatMap((hole) => {
    const changes = withSign(notes.changes, hole.after, interval / SECOND);
    return explained(
      dueTimes(hole, search),
      hole.before ?? range.end,
      { ...notes, changes, losses },
      range.start,
    );
  });
  const missing = gaps.reduce((sum, gap) => sum + gap.missing, 0);
  return { device: path, interval: interval / SECOND, missing, gaps };
}

/** Adds that the device was online at the time of a value; the note of it may have been removed since. */
function withSign(changes: Notes["changes"], at: number | undefined, interval: number): Notes["changes"] {
  if (at === undefined) return changes;
  const sign = { at, availability: "online", reason: "", interval };
  return [
    ...changes.filter((change) => change.at <= at),
    sign,
    ...changes.filter((change) => change.at > at),
  ];
}

/** Splits what was due from `since` on into gaps with one reason each. */
function explained(
  { first: earliest, count: all, interval }: Due,
  end: number,
  notes: Notes,
  since: number,
): Gap[] {
  const early = Math.max(Math.ceil((since - earliest) / interval), 0);
  const first = earliest + early * interval;
  const count = all - early;
  if (count <= 0) return [];
  const borders = [first, ...turningPoints(notes).filter((time) => time > first && time < end), end];
  const parts: { from: number; missing: number; why: Explanation }[] = [];
  let counted = 0;
  for (const [i, to] of borders.slice(1).entries()) {
    const until = i === borders.length - 2 ? count : Math.min(Math.ceil((to - first) / interval), count);
    if (until <= counted) continue;
    const why = explain(notes, first + counted * interval);
    const last = parts.at(-1);
    if (last && last.why.reason === why.reason && last.why.detail === why.detail)
      last.missing += until - counted;
    else parts.push({ from: first + counted * interval, missing: until - counted, why });
    counted = until;
  }
  return joinFirstMisses(parts).map(({ from, missing, why }, i, all) => ({
    from: formatTime(Math.round(from)),
    to: formatTime(Math.round(all[i + 1]?.from ?? end)),
    missing,
    ...why,
  }));
}

/** Joins the failed scrapes before a device was reported offline with the offline gap. */
function joinFirstMisses<T extends { from: number; missing: number; why: Explanation }>(
  parts: readonly T[],
): T[] {
  return parts.flatMap((part, i) => {
    const before = parts[i - 1];
    const after = parts[i + 1];
    const isFew = (misses: T) => misses.missing <= MISSES_UNTIL_OFFLINE;
    if (part.why.reason === "missed" && after?.why.reason === "offline" && isFew(part)) return [];
    if (part.why.reason === "offline" && before?.why.reason === "missed" && isFew(before))
      return [{ ...part, from: before.from, missing: part.missing + before.missing }];
    return [part];
  });
}

/** Computes when the scrapes of a hole were due, from the values at its ends. */
function dueTimes(
  { after, before }: Hole,
  { start, end, interval }: { readonly start: number; readonly end: number; readonly interval: number },
): Due {
  if (after !== undefined && before !== undefined)
    return { first: after + interval, count: Math.round((before - after) / interval) - 1, interval };
  // A scrape due within the last interval may still arrive.
  if (after !== undefined)
    return { first: after + interval, count: Math.floor((end - after) / interval) - 1, interval };
  const count = Math.floor(((before ?? end) - start) / interval);
  return { first: before === undefined ? start : before - count * interval, count, interval };
}

/** Returns the recorded interval, or the usual time between values. */
async function intervalOf(
  backend: HistorianBackend,
  topics: readonly string[],
  { changes }: Notes,
  end: number,
  signal?: AbortSignal,
): Promise<number> {
  const noted = changes.at(-1)?.interval;
  if (noted !== undefined) return noted * SECOND;
  const [topic] = topics;
  const request = { topic: topic ?? "", end, order: "LAST_TO_FIRST", skip: 0, limit: SOME_ROWS } as const;
  const times = (await backend.read(request, signal)).map(([time]) => time);
  const steps = times.slice(1).map((time, i) => (times[i] as number) - time);
  const median = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)];
  if (median === undefined) return MINUTE;
  const usual = steps.filter((step) => step <= LONGEST_STEP * median);
  const mean = usual.reduce((sum, step) => sum + step, 0) / usual.length;
  return Math.max(Math.round(mean / SECOND), 1) * SECOND;
}

/** Returns the time of a device's first value or note; there is no gap before it. */
async function knownSince(
  backend: HistorianBackend,
  topics: readonly string[],
  { changes }: Notes,
  start: number,
  signal?: AbortSignal,
): Promise<number> {
  let first = changes[0]?.at ?? Number.POSITIVE_INFINITY;
  for (const topic of first <= start ? [] : topics) {
    const [row] = await backend.read({ topic, order: "FIRST_TO_LAST", skip: 0, limit: 1 }, signal);
    if (row) first = Math.min(first, row[0]);
  }
  return first;
}

function devicesOf(topics: readonly Topic[], wanted: readonly string[]): Device[] {
  const devices = new Map<string, { path: string; topics: string[]; instance?: string }>();
  const unchanged: [path: string, topic: string][] = [];
  const at = (path: string) => {
    const known = devices.get(path.toLowerCase()) ?? { path, topics: [] };
    devices.set(path.toLowerCase(), known);
    return known;
  };
  for (const { name } of topics) {
    const noted = parseAvailabilityTopic(name);
    const scraped = parseUnchangedTopic(name);
    // Read last: most devices store a value of every scrape.
    if (scraped !== undefined) unchanged.push([scraped, name]);
    else if (noted) at(noted.path).instance = noted.instance;
    else if (!isOwnTopic(name) && !NO_DEVICES.test(name) && name.includes("/"))
      at(name.slice(0, name.lastIndexOf("/"))).topics.push(name);
  }
  for (const [path, topic] of unchanged) at(path).topics.push(topic);
  const isWanted = (path: string) =>
    wanted.length === 0 ||
    wanted.some((begin) => `${path}/`.startsWith(`${begin.toLowerCase().replace(/\/$/, "")}/`));
  return [...devices]
    .filter(([key]) => isWanted(key))
    .map(([, device]) => device)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
