/**
 * What the bridge notes of itself in the store, so that gaps can be explained on every backend and from another machine. No device
 * path of VOLTTRON's begins like this, and lists of topics leave them out unless they are asked for.
 */
const ROOT = "_voltbridge";

export function isOwnTopic(topic: string): boolean {
  return topic.toLowerCase().startsWith(`${ROOT}/`);
}

/** One value a run, at the time of its start: {@link RunNote}. */
export function runTopic(instance: string): string {
  return `${ROOT}/${instance}/run`;
}

/** What was accepted and will not be stored: {@link LossNote}. */
export function lossTopic(instance: string): string {
  return `${ROOT}/${instance}/loss`;
}

/** One value for each change: {@link AvailabilityNote}. */
export function availabilityTopic(instance: string, devicePath: string): string {
  return `${ROOT}/${instance}/devices/${devicePath}/availability`;
}

/** One value when scrapes begin to be skipped because the one before is still running: why. */
export function skipTopic(instance: string, devicePath: string): string {
  return `${ROOT}/${instance}/devices/${devicePath}/skipped`;
}

/** Instance and device path of an availability topic, undefined for any other topic. */
export function parseAvailabilityTopic(topic: string): { instance: string; path: string } | undefined {
  const [, instance, path] = new RegExp(`^${ROOT}/(.+?)/devices/(.+)/availability$`, "i").exec(topic) ?? [];
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
  /** `limit`, `disk`, … as the counters say; `dead_letter` for what was set aside. */
  readonly reason: string;
  readonly values: number;
  /** Of the data; ISO 8601. */
  readonly from: string;
  readonly to: string;
};
