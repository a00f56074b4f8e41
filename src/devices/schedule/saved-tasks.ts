import type { PointValue } from "../../points/index.ts";
import { recordOf } from "../../storage/saved-record.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import { readTime } from "./slots.ts";
import { PRIORITIES, type Priority, type Task, type Tasks } from "./task.ts";

const KEY = "tasks";

/** The stored form, readable for people too. */
interface SavedTask {
  readonly taskId: string;
  readonly requester: string;
  readonly priority: Priority;
  readonly startsAt: string;
  readonly preempted: boolean;
  readonly slots: readonly (readonly [device: string, start: string, end: string])[];
}

const isSaved = recordOf<SavedTask>({
  taskId: "string",
  requester: "string",
  priority: (priority) => PRIORITIES.some((known) => known === priority),
  preempted: "boolean",
  startsAt: "string",
  slots: (slots) => Array.isArray(slots) && slots.every(isSlot),
});

function isSlot(slot: unknown): boolean {
  return Array.isArray(slot) && slot.length === 3 && slot.every((part) => typeof part === "string");
}

/** Saves all tasks in one write, so that a crash never leaves half of a preemption. */
export function saveTasks(store: StateNamespace, tasks: Tasks): void {
  store.set(
    KEY,
    [...tasks.values()].map((task) => ({ ...saved(task) }) as Record<string, unknown> as PointValue),
  );
}

/** Returns the saved tasks, and the number of unreadable entries. */
export function loadTasks(store: StateNamespace): { tasks: Tasks; unreadable: number } {
  const list = store.get(KEY);
  if (list === null) return { tasks: new Map(), unreadable: 0 };
  if (!Array.isArray(list)) return { tasks: new Map(), unreadable: 1 };
  const tasks = list.map(restored).filter((task) => task !== undefined);
  return { tasks: new Map(tasks.map((task) => [task.id, task])), unreadable: list.length - tasks.length };
}

function saved(task: Task): SavedTask {
  const { id, requester, priority, preempted, slots } = task;
  return {
    taskId: id,
    requester,
    priority,
    startsAt: isoTime(task.startsAt),
    preempted,
    slots: slots.map(({ device, start, end }) => [device, isoTime(start), isoTime(end)]),
  };
}

function restored(entry: PointValue): Task | undefined {
  if (!isSaved(entry)) return undefined;
  const { taskId, requester, priority, preempted, startsAt, slots } = entry;
  try {
    const task = { id: taskId, requester, priority, preempted, startsAt: readTime(startsAt) };
    const all = slots.map(([device, start, end]) => ({ device, start: readTime(start), end: readTime(end) }));
    if (all.some(({ device }) => typeof device !== "string")) return undefined;
    return { ...task, slots: all };
  } catch {
    return undefined;
  }
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
