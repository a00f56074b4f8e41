/** Priorities of tasks that want the same device at the same time, by VOLTTRON's names. */
export const PRIORITIES = ["HIGH", "LOW", "LOW_PREEMPT"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** A device for a time. `start` is inclusive, `end` exclusive; milliseconds since 1970. */
export interface Slot {
  readonly device: string;
  readonly start: number;
  readonly end: number;
}

/** A reservation of one or more devices, granted as a whole. */
export interface Task {
  readonly id: string;
  readonly requester: string;
  readonly priority: Priority;
  /** Slots that are over are removed as time passes. */
  readonly slots: readonly Slot[];
  /** The start of its earliest slot on any device; from then on the task counts as started. */
  readonly startsAt: number;
  /** Whether it lost its device to a task with priority, and keeps it only for a time of grace. */
  readonly preempted: boolean;
}

/** By task id. */
export type Tasks = ReadonlyMap<string, Task>;

/** Returns whether two slots overlap; touching ones do not. */
export function overlap(a: Slot, b: Slot): boolean {
  return a.device === b.device && a.start < b.end && b.start < a.end;
}

function isRunning({ start, end }: Slot, now: number): boolean {
  return start <= now && now < end;
}

/** Returns the tasks with their remaining slots. Finished tasks are omitted. */
export function unfinished(tasks: Tasks, now: number): Map<string, Task> {
  const left = new Map<string, Task>();
  for (const [id, task] of tasks) {
    const slots = task.slots.filter(({ end }) => end > now);
    if (slots.length > 0) left.set(id, slots.length === task.slots.length ? task : { ...task, slots });
  }
  return left;
}

/** Returns whether `task` may take a device from `other`: VOLTTRON's rule. */
export function canPreempt(task: Pick<Task, "priority">, other: Task, now: number): boolean {
  if (task.priority !== "HIGH" || other.priority === "HIGH") return false;
  return other.priority === "LOW_PREEMPT" || now < other.startsAt;
}

/**
 * Returns the rest of a task that loses its devices: the slots that run now, for at most `graceMs`; undefined where none
 * does. A task that lost them before keeps its time of grace.
 */
export function preempted(task: Task, now: number, graceMs: number): Task | undefined {
  if (task.preempted) return task;
  const slots = task.slots
    .filter((slot) => isRunning(slot, now))
    .map((slot) => ({ ...slot, end: Math.min(slot.end, now + graceMs) }))
    .filter(({ end }) => end > now);
  return slots.length > 0 ? { ...task, slots, preempted: true } : undefined;
}

/** The present holder of a device. */
export interface Holder {
  readonly device: string;
  readonly task: Task;
  readonly until: number;
}

/** Returns the holders at `now`. A task in its time of grace comes before the one that took its device. */
export function holders(tasks: Tasks, now: number): Map<string, Holder> {
  const found = new Map<string, Holder>();
  for (const task of tasks.values())
    for (const slot of task.slots) {
      if (!isRunning(slot, now) || (found.has(slot.device) && !task.preempted)) continue;
      found.set(slot.device, { device: slot.device, task, until: slot.end });
    }
  return found;
}

/** Returns the holder of one device at `now`. */
export function holderOf(tasks: Tasks, device: string, now: number): Holder | undefined {
  let found: Holder | undefined;
  for (const task of tasks.values()) {
    const slot = task.slots.find((one) => one.device === device && isRunning(one, now));
    if (slot && (!found || task.preempted)) found = { device, task, until: slot.end };
  }
  return found;
}

/** Returns the next time after `now` at which a slot begins or ends. */
export function nextEdge(tasks: Tasks, now: number): number | undefined {
  let next: number | undefined;
  for (const { slots } of tasks.values())
    for (const { start, end } of slots)
      for (const edge of [start, end]) if (edge > now && edge < (next ?? Infinity)) next = edge;
  return next;
}
