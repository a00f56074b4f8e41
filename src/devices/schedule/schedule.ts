import type { Bus } from "../../bus.ts";
import { type ActuatorSettings, closest } from "../../config/index.ts";
import { messageOf } from "../../log/log.ts";
import type { Notices } from "../../log/notices.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import type { Clock } from "../../time/clock.ts";
import { checkAge } from "../command-checks.ts";
import type { ScheduleAnswer, ScheduleCommand, ScheduledTask, Scheduling } from "../commands.ts";
import { ScheduleError } from "../errors.ts";
import { type Conflicts, cancel, decide, malformed } from "./decide.ts";
import { isoTime, loadTasks, saveTasks } from "./saved-tasks.ts";
import { type Holder, holderOf, holders, nextEdge, type Tasks, unfinished } from "./task.ts";

export interface ScheduleParts {
  readonly store: StateNamespace;
  readonly settings: ActuatorSettings;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly notices: Notices;
  /** Paths of the running devices. */
  readonly devices: () => Iterable<string>;
}

/**
 * Reservations of devices: which requester may write to a device when. They are appointments, so the wall clock counts;
 * they are on disk before they are answered. The bus gets the holders at each change and every `schedule_publish_interval`.
 */
export class Schedule implements Scheduling {
  readonly #parts: ScheduleParts;
  #tasks: Tasks = new Map();
  /** Timers of tasks in their time of grace; its end is timed, so that a clock set back does not lengthen it. */
  readonly #graces = new Map<string, () => void>();
  #cancel: (() => void) | undefined;
  /** The tasks and holders of the last tick, to notice changes. */
  #seen = "";
  #started = false;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  /** Restores the reservations of the last run, until {@link stop}. */
  restore(): void {
    const { store, clock, notices } = this.#parts;
    const { tasks, unreadable } = loadTasks(store);
    if (unreadable > 0)
      notices.say(
        "error",
        "schedule_damaged",
        `${unreadable} saved reservations cannot be read and are discarded`,
      );
    this.#tasks = unfinished(tasks, clock.now());
    this.#timeGraces();
  }

  /** Starts publishing the holders. */
  start(): void {
    this.#started = true;
    this.#tick();
  }

  stop(): void {
    this.#started = false;
    this.#cancel?.();
    for (const end of this.#graces.values()) end();
    this.#graces.clear();
  }

  requestNewSchedule(
    asked: { readonly taskId: unknown; readonly priority: unknown; readonly slots: unknown },
    command: ScheduleCommand,
  ): ScheduleAnswer {
    return this.#answered(command, (now) => {
      const { settings, bus } = this.#parts;
      const graceMs = settings.preemptGraceTimeSeconds * 1000;
      const decision = decide(this.#tasks, { ...asked, requester: command.requester }, now, graceMs);
      if (!decision.ok) return failure(decision.info, decision.conflicts);
      this.#take(decision.tasks);
      const { task } = decision;
      const by = { requester: task.requester, taskId: task.id };
      for (const { id, requester } of decision.preempted)
        bus.emit("preemption", { requester, taskId: id, by, at: new Date(now) });
      const info = this.#unknownDevices(task.slots.map(({ device }) => device));
      return { result: "SUCCESS", info, data: {} };
    });
  }

  requestCancelSchedule(taskId: unknown, command: ScheduleCommand): ScheduleAnswer {
    return this.#answered(command, (now) => {
      const cancelled = cancel(this.#tasks, { taskId, requester: command.requester }, now);
      if (!cancelled.ok) return failure(cancelled.info);
      this.#take(cancelled.tasks);
      return { result: "SUCCESS", info: "", data: {} };
    });
  }

  tasks(): ScheduledTask[] {
    const now = this.#parts.clock.now();
    return [...unfinished(this.#tasks, now).values()].map((task) => ({
      taskId: task.id,
      requester: task.requester,
      priority: task.priority,
      state: task.preempted ? "preempted" : now < task.startsAt ? "waiting" : "running",
      slots: task.slots.map(({ device, start, end }) => [device, isoTime(start), isoTime(end)] as const),
    }));
  }

  /** Throws a ScheduleError where the requester may not write to the device now. */
  check(device: string, requester: string): void {
    const { clock, settings } = this.#parts;
    const held = holderOf(this.#tasks, device, clock.now());
    if (held ? held.task.requester === requester : !settings.requireSchedule) return;
    throw new ScheduleError(held ? reservedText(held, requester) : unreservedText(device, requester));
  }

  #answered(command: ScheduleCommand, act: (now: number) => ScheduleAnswer): ScheduleAnswer {
    const { clock, settings } = this.#parts;
    const now = clock.now();
    try {
      checkAge(command, now, settings.maxCommandAgeSeconds);
      return act(now);
    } catch (error) {
      return failure(malformed(error instanceof Error ? error.name : "Error", messageOf(error)));
    }
  }

  /** Saves first: a task that cannot be saved is not granted. */
  #take(tasks: Tasks): void {
    saveTasks(this.#parts.store, tasks);
    this.#tasks = tasks;
    this.#timeGraces();
    // After the answer to the request.
    if (this.#started) this.#arm(0);
  }

  #timeGraces(): void {
    const { clock, settings } = this.#parts;
    for (const { id, preempted, slots } of this.#tasks.values()) {
      if (!preempted || this.#graces.has(id)) continue;
      const left = slots.reduce((most, { end }) => Math.max(most, end - clock.now()), 0);
      const end = clock.after(Math.min(left, settings.preemptGraceTimeSeconds * 1000), () => {
        this.#graces.delete(id);
        const tasks = new Map(this.#tasks);
        if (tasks.get(id)?.preempted) tasks.delete(id);
        this.#tasks = tasks;
        if (this.#started) this.#tick();
      });
      this.#graces.set(id, end);
    }
  }

  #tick(): void {
    const { clock, settings, bus } = this.#parts;
    const now = clock.now();
    this.#tasks = unfinished(this.#tasks, now);
    const held = [...holders(this.#tasks, now).values()];
    const tasks = [...this.#tasks.values()].map(({ id, preempted }) => [id, preempted]);
    const seen = JSON.stringify([tasks, held.map(({ device, task }) => [device, task.id])]);
    if (seen !== this.#seen) bus.emit("schedule", { at: new Date(now) });
    this.#seen = seen;
    for (const { device, task, until } of held) {
      const windowSeconds = (until - now) / 1000;
      const holder = { requester: task.requester, taskId: task.id };
      bus.emit("reservation", { device, ...holder, windowSeconds, at: new Date(now) });
    }
    const edge = nextEdge(this.#tasks, now);
    if (edge === undefined) this.#cancel?.();
    else this.#arm(Math.min(edge - now, settings.schedulePublishIntervalSeconds * 1000));
  }

  #arm(ms: number): void {
    this.#cancel?.();
    this.#cancel = this.#parts.clock.after(ms, () => this.#tick());
  }

  /**
   * Returns a warning about unknown devices. VOLTTRON grants them too, because a device may be added later, but a misspelt
   * path should be noticed.
   */
  #unknownDevices(named: readonly string[]): string {
    const paths = [...this.#parts.devices()];
    const unknown = [...new Set(named)].filter((device) => !paths.includes(device));
    return unknown
      .map((device) => {
        const near = closest(device, paths);
        return `there is no device ${device} now${near ? `; did you mean ${near}?` : ""}`;
      })
      .join("; ");
  }
}

function failure(info: string, conflicts: Conflicts = {}): ScheduleAnswer {
  const data: Record<string, Record<string, string[][]>> = Object.create(null);
  for (const [requester, tasks] of Object.entries(conflicts)) {
    const theirs: Record<string, string[][]> = Object.create(null);
    for (const [id, slots] of Object.entries(tasks))
      theirs[id] = slots.map(({ device, start, end }) => [device, isoTime(start), isoTime(end)]);
    data[requester] = theirs;
  }
  return { result: "FAILURE", info, data };
}

function reservedText({ device, task, until }: Holder, requester: string): string {
  const grace = task.preempted ? ", in its time of grace" : "";
  return (
    `device ${device} is reserved by ${task.requester} (task ${task.id}${grace}) until ${isoTime(until)}; ` +
    `${requester} can write then, or reserve it with a priority that takes precedence`
  );
}

function unreservedText(device: string, requester: string): string {
  return (
    `${requester} has not reserved device ${device}, and actuator.require_schedule is true: ` +
    "request a schedule for it first"
  );
}
