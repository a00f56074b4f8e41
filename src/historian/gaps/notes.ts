import type { Historian } from "../query/historian.ts";
import { readPages } from "../query/pages.ts";
import {
  type AvailabilityNote,
  availabilityTopic,
  type LossNote,
  lossTopic,
  type RunNote,
  runTopic,
  skipTopic,
} from "../record/own-topics.ts";
import { timeOf } from "../time.ts";

/** Times in microseconds since 1970 UTC. */
export interface Run {
  readonly from: number;
  /** Last sign of life. */
  readonly until: number;
  readonly ended: boolean;
}

export interface Change extends AvailabilityNote {
  readonly at: number;
}

export interface LossRange {
  readonly reason: string;
  readonly values: number;
  readonly from: number;
  readonly to: number;
}

/** Notes of a bridge that can explain the gaps of one device; each list ordered by time. */
export interface Notes {
  readonly runs: readonly Run[];
  readonly changes: readonly Change[];
  readonly losses: readonly LossRange[];
  /** When and why scrapes started to be skipped. */
  readonly skips: readonly { readonly at: number; readonly text: string }[];
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Reads the notes for all devices of one bridge. */
export async function readBridgeNotes(
  historian: Historian,
  instance: string,
  { end }: Range,
  signal?: AbortSignal,
): Promise<Pick<Notes, "runs" | "losses">> {
  const runs = await readNotes<RunNote>(historian, runTopic(instance), { end }, signal);
  const losses = await readNotes<LossNote>(historian, lossTopic(instance), {}, signal);
  return {
    runs: runs.map(({ at, note }) => ({ from: at, until: isoTime(note.until), ended: note.ended })),
    losses: losses
      // Another store lacks those of `historian.also`.
      .filter(({ note }) => note.store === undefined)
      .map(({ note }) => ({ ...note, from: isoTime(note.from), to: isoTime(note.to) })),
  };
}

/** Reads the notes of one device, including earlier ones that give its state at the start. */
export async function readDeviceNotes(
  historian: Historian,
  instance: string,
  path: string,
  { end }: Range,
  signal?: AbortSignal,
): Promise<Pick<Notes, "changes" | "skips">> {
  const changes = await readNotes<AvailabilityNote>(
    historian,
    availabilityTopic(instance, path),
    { end },
    signal,
  );
  const skips = await readNotes<string>(historian, skipTopic(instance, path), { end }, signal);
  return {
    changes: changes.map(({ at, note }) => ({ at, ...note })),
    skips: skips.map(({ at, note }) => ({ at, text: note })),
  };
}

async function readNotes<T>(
  historian: Historian,
  topic: string,
  range: { readonly end?: number },
  signal?: AbortSignal,
): Promise<{ at: number; note: T }[]> {
  const all = { ...range, order: "FIRST_TO_LAST", skip: 0, count: Number.POSITIVE_INFINITY } as const;
  const notes: { at: number; note: T }[] = [];
  for await (const page of readPages(historian.backend, topic, all, signal))
    for (const [at, value] of page) notes.push({ at, note: value as T });
  return notes;
}

function isoTime(text: string): number {
  return timeOf(new Date(text));
}
