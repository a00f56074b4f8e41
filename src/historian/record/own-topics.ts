// Topics of the bridge's own notes, which explain gaps on every backend and from another machine. No VOLTTRON device path starts like
// them, and lists of topics exclude them unless requested.
import { OWN_ROOT } from "../storable.ts";

/** Topic with one value per run, at the time of its start: {@link RunNote}. */
export function runTopic(instance: string): string {
  return `${OWN_ROOT}/${instance}/run`;
}

/** Topic of accepted values that will not be stored: {@link LossNote}. */
export function lossTopic(instance: string): string {
  return `${OWN_ROOT}/${instance}/loss`;
}

/** Topic with one value per change: {@link AvailabilityNote}. */
export function availabilityTopic(instance: string, devicePath: string): string {
  return `${OWN_ROOT}/${instance}/devices/${devicePath}/availability`;
}

/** Topic with the reason each time scrapes start to be skipped because the previous one is still running. */
export function skipTopic(instance: string, devicePath: string): string {
  return `${OWN_ROOT}/${instance}/devices/${devicePath}/skipped`;
}

/** Topic with the number of values of each scrape whose values were all unchanged, so that none was stored. */
export function unchangedTopic(instance: string, devicePath: string): string {
  return `${OWN_ROOT}/${instance}/devices/${devicePath}/unchanged`;
}

/** Returns the device path of an {@link unchangedTopic}, undefined for any other topic. */
export function parseUnchangedTopic(topic: string): string | undefined {
  return new RegExp(`^${OWN_ROOT}/.+?/devices/(.+)/unchanged$`, "i").exec(topic)?.[1];
}

/** Returns the instance and device path of an availability topic, undefined for any other topic. */
export function parseAvailabilityTopic(topic: string): { instance: string; path: string } | undefined {
  const [, instance, path] =
    new RegExp(`^${OWN_ROOT}/(.+?)/devices/(.+)/availability$`, "i").exec(topic) ?? [];
  return instance === undefined || path === undefined ? undefined : { instance, path };
}

export type RunNote = {
  readonly version: string;
  /** Last sign of life; ISO 8601. */
  readonly until: string;
  /** Whether it ended in order. */
  readonly ended: boolean;
};

export type AvailabilityNote = {
  readonly availability: string;
  /** Why it is not online; empty when it is. */
  readonly reason: string;
  /** Seconds between scrapes. */
  readonly interval: number;
};

export type LossNote = {
  /** `limit`, `disk`, … as in the counters; `dead_letter` for dead letters. */
  readonly reason: string;
  readonly values: number;
  /** Time of the data; ISO 8601. */
  readonly from: string;
  readonly to: string;
  /** Name of the store of `historian.also` that lacks them; absent: the main store. */
  readonly store?: string;
};
