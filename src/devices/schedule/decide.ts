import { readSlots } from "./slots.ts";
import {
  canPreempt,
  overlap,
  PRIORITIES,
  type Priority,
  preempted,
  type Slot,
  type Task,
  type Tasks,
  unfinished,
} from "./task.ts";

/** A request for a new task as received, not validated. */
export interface TaskRequest {
  readonly taskId: unknown;
  readonly requester: unknown;
  readonly priority: unknown;
  /** `[[device, start, end], …]`, see {@link readSlots}. */
  readonly slots: unknown;
}

/** Requester → task → its conflicting slots. */
export type Conflicts = Readonly<Record<string, Readonly<Record<string, readonly Slot[]>>>>;

export type Decision =
  | { readonly ok: true; readonly tasks: Tasks; readonly task: Task; readonly preempted: readonly Task[] }
  | { readonly ok: false; readonly info: string; readonly conflicts?: Conflicts };

/** Maximum number of slots of all tasks: every write searches them. */
const MAX_TOTAL_SLOTS = 10_000;
const MAX_NAME = 128;

/**
 * Grants a task as a whole, or refuses it with VOLTTRON's text for the first fault in VOLTTRON's order. Changes nothing:
 * the answer contains the resulting tasks.
 */
export function decide(tasks: Tasks, asked: TaskRequest, now: number, graceMs: number): Decision {
  const current = unfinished(tasks, now);
  const { taskId, requester, priority } = asked;
  if (typeof taskId === "string" && current.has(taskId)) return refused("TASK_ID_ALREADY_EXISTS");
  if (isMissing(taskId)) return refused("MISSING_TASK_ID");
  if (isMissing(priority)) return refused("MISSING_PRIORITY");
  if (!PRIORITIES.includes(priority as Priority)) return refused("INVALID_PRIORITY");
  if (isMissing(requester)) return refused("MISSING_AGENT_ID");
  if (isEmpty(asked.slots)) return refused("MALFORMED_REQUEST_EMPTY");
  if (!isName(requester)) return refused(malformed("TypeError", "agentid must be a nonempty string"));
  if (!isName(taskId)) return refused(malformed("TypeError", "taskid must be a nonempty string"));
  const read = readSlots(asked.slots);
  const { slots } = read;
  if (slots.some((slot, i) => slots.some((other, j) => j < i && overlap(slot, other))))
    return refused("REQUEST_CONFLICTS_WITH_SELF");
  if (read.malformed) return refused(malformed(read.malformed.kind, read.malformed.message));
  const tooLong = [requester, taskId].find((name) => name.length > MAX_NAME);
  if (tooLong !== undefined)
    return refused(malformed("ValueError", `a name has at most ${MAX_NAME} characters`));
  const reserved = [...current.values()].reduce((sum, task) => sum + task.slots.length, 0);
  if (reserved + slots.length > MAX_TOTAL_SLOTS)
    return refused(malformed("ValueError", `${reserved} slots are reserved already; cancel a task first`));

  const startsAt = slots.reduce((first, { start }) => Math.min(first, start), Infinity);
  const task: Task = {
    id: taskId,
    requester,
    priority: priority as Priority,
    slots,
    startsAt,
    preempted: false,
  };
  const inTheWay = [...current.values()]
    .map((other) => ({ other, slots: other.slots.filter((slot) => slots.some((s) => overlap(s, slot))) }))
    .filter((one) => one.slots.length > 0);
  const blocking = inTheWay.filter(({ other }) => !canPreempt(task, other, now));
  if (blocking.length > 0) {
    const conflicts: Record<string, Record<string, readonly Slot[]>> = Object.create(null);
    for (const { other, slots: theirs } of blocking) {
      conflicts[other.requester] ??= Object.create(null);
      conflicts[other.requester]![other.id] = theirs;
    }
    return { ok: false, info: "CONFLICTS_WITH_EXISTING_SCHEDULES", conflicts };
  }
  for (const { other } of inTheWay) {
    const rest = preempted(other, now, graceMs);
    if (rest) current.set(other.id, rest);
    else current.delete(other.id);
  }
  current.set(task.id, task);
  return { ok: true, tasks: current, task, preempted: inTheWay.map(({ other }) => other) };
}

/** Cancels a task of its requester. A finished task does not exist any more. */
export function cancel(
  tasks: Tasks,
  asked: { readonly taskId: unknown; readonly requester: unknown },
  now: number,
): { readonly ok: true; readonly tasks: Tasks } | { readonly ok: false; readonly info: string } {
  const current = unfinished(tasks, now);
  const task = typeof asked.taskId === "string" ? current.get(asked.taskId) : undefined;
  if (!task) return refused("TASK_ID_DOES_NOT_EXIST");
  if (task.requester !== asked.requester) return refused("AGENT_ID_TASK_ID_MISMATCH");
  current.delete(task.id);
  return { ok: true, tasks: current };
}

/** Returns `MALFORMED_REQUEST: <name>: <text>`, VOLTTRON's form for faults without a name of their own. */
export function malformed(name: string, text: string): string {
  return `MALFORMED_REQUEST: ${name}: ${text}`;
}

function refused(info: string): { readonly ok: false; readonly info: string } {
  return { ok: false, info };
}

function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Returns whether Python treats the value as false. */
function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return !value;
}
