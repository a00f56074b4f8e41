import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cancel, decide, type TaskRequest } from "../../../src/devices/schedule/decide.ts";
import { holderOf, holders, nextEdge, type Tasks, unfinished } from "../../../src/devices/schedule/task.ts";

const NOW = Date.UTC(2026, 10, 21, 8);
const MINUTE = 60_000;
const GRACE = 60_000;
const at = (minutes: number) => new Date(NOW + minutes * MINUTE).toISOString();
const slot = (device: string, from: number, to: number) => [device, at(from), at(to)];

function asked(more: Partial<TaskRequest> = {}): TaskRequest {
  return { taskId: "t1", requester: "ann", priority: "LOW", slots: [slot("a", 0, 60)], ...more };
}

/** Tasks granted one after the other at their moments (minutes); each must be. */
function granted(...requests: [minute: number, request: Partial<TaskRequest>][]): Tasks {
  let tasks: Tasks = new Map();
  for (const [minute, request] of requests) {
    const decision = decide(tasks, asked(request), NOW + minute * MINUTE, GRACE);
    if (!decision.ok) throw new Error(decision.info);
    tasks = decision.tasks;
  }
  return tasks;
}

const infoOf = (tasks: Tasks, request: Partial<TaskRequest>, minute = 0) => {
  const decision = decide(tasks, asked(request), NOW + minute * MINUTE, GRACE);
  return decision.ok ? "" : decision.info;
};

const held = (tasks: Tasks, device: string, minute: number) =>
  holderOf(tasks, device, NOW + minute * MINUTE)?.task.id;

describe("D1, E19: what is wrong is told in VOLTTRON's words and order", () => {
  const malformed = [["a", at(60), at(0)]];
  const conflicting = [slot("a", 0, 60), slot("a", 59, 90)];
  const existing = granted([0, { taskId: "old", requester: "bob", slots: [slot("a", 30, 90)] }]);
  // Each row has the fault it is named for and, where it can, every fault that comes later in the order.
  const rest = { priority: undefined, requester: undefined, slots: [] };
  it.each<[expected: string | RegExp, request: Partial<TaskRequest>]>([
    ["TASK_ID_ALREADY_EXISTS", { taskId: "old", ...rest }],
    ["MISSING_TASK_ID", { taskId: undefined, ...rest }],
    ["MISSING_TASK_ID", { taskId: null, ...rest }],
    ["MISSING_PRIORITY", rest],
    ["MISSING_PRIORITY", { ...rest, priority: null }],
    ["INVALID_PRIORITY", { ...rest, priority: "low" }],
    ["INVALID_PRIORITY", { ...rest, priority: "" }],
    ["INVALID_PRIORITY", { ...rest, priority: 1 }],
    ["MISSING_AGENT_ID", { requester: undefined, slots: [], taskId: "" }],
    ["MALFORMED_REQUEST_EMPTY", { slots: [], requester: "", taskId: "" }],
    ["MALFORMED_REQUEST_EMPTY", { slots: undefined }],
    ["MALFORMED_REQUEST_EMPTY", { slots: {} }],
    ["MALFORMED_REQUEST_EMPTY", { slots: "" }],
    [/^MALFORMED_REQUEST: TypeError: agentid/, { requester: "", taskId: "", slots: conflicting }],
    [/^MALFORMED_REQUEST: TypeError: agentid/, { requester: 7, slots: conflicting }],
    [/^MALFORMED_REQUEST: TypeError: taskid/, { taskId: "", slots: conflicting }],
    [/^MALFORMED_REQUEST: TypeError: taskid/, { taskId: 7, slots: conflicting }],
    ["REQUEST_CONFLICTS_WITH_SELF", { slots: [...malformed, ...conflicting] }],
    [/^MALFORMED_REQUEST: ValueError: the slot of a ends/, { slots: [slot("a", 0, 60), ...malformed] }],
    [/^MALFORMED_REQUEST: TypeError: 5 is no device/, { slots: [[5, at(0), at(1)]] }],
    [/^MALFORMED_REQUEST: ValueError: the path/, { slots: [["/", at(0), at(1)]] }],
    [/^MALFORMED_REQUEST: ValueError: a slot is/, { slots: [["a", at(0)], slot("a", 0, 1)] }],
    [/^MALFORMED_REQUEST: ValueError: "soon"/, { slots: [["a", "soon", at(1)]] }],
    [/^MALFORMED_REQUEST: TypeError: 12 is no text/, { slots: [["a", 12, at(1)]] }],
    [/^MALFORMED_REQUEST: TypeError: expected a list/, { slots: { a: 1 } }],
    [/^MALFORMED_REQUEST: ValueError: 1001 slots/, { slots: Array(1001).fill(slot("a", 0, 1)) }],
    [/^MALFORMED_REQUEST: ValueError: a name has/, { taskId: "x".repeat(129) }],
    ["CONFLICTS_WITH_EXISTING_SCHEDULES", {}],
    ["", { slots: [slot("a", 0, 30), slot("a", 90, 100), slot("b", 30, 90)] }],
  ])("%s", (expected, request) => {
    const info = infoOf(existing, request);
    if (typeof expected === "string") expect(info).toBe(expected);
    else expect(info).toMatch(expected);
  });

  it("conflicts name the slots in the way by requester and task", () => {
    const tasks = granted(
      [0, { taskId: "x", requester: "bob", slots: [slot("a", 0, 10), slot("a", 50, 70), slot("b", 0, 9)] }],
      [0, { taskId: "y", requester: "bob", slots: [slot("c", 5, 10)] }],
      [0, { taskId: "z", requester: "__proto__", slots: [slot("d", 5, 10)] }],
    );
    const request = asked({ slots: [slot("a", 60, 90), slot("c", 0, 6), slot("d", 9, 20)] });
    const decision = decide(tasks, request, NOW, GRACE);
    const conflict = (device: string, from: number, to: number) => ({
      device,
      start: NOW + from * MINUTE,
      end: NOW + to * MINUTE,
    });
    expect(Object.entries(decision.ok ? {} : decision.conflicts!)).toEqual([
      ["bob", { x: [conflict("a", 50, 70)], y: [conflict("c", 5, 10)] }],
      ["__proto__", { z: [conflict("d", 5, 10)] }],
    ]);
  });

  it("cancelling: of nobody's, of somebody else's, of one's own, of a finished task", () => {
    const tasks = granted([0, {}]);
    const info = (taskId: unknown, requester: unknown, minute = 0) => {
      const done = cancel(tasks, { taskId, requester }, NOW + minute * MINUTE);
      return done.ok ? [...done.tasks.keys()] : done.info;
    };
    expect(info("t2", "ann")).toBe("TASK_ID_DOES_NOT_EXIST");
    expect(info(undefined, "ann")).toBe("TASK_ID_DOES_NOT_EXIST");
    expect(info("t1", "bob")).toBe("AGENT_ID_TASK_ID_MISMATCH");
    expect(info("t1", "ann", 60)).toBe("TASK_ID_DOES_NOT_EXIST");
    expect(info("t1", "ann")).toEqual([]);
  });
});

describe("D1, E19: slots", () => {
  it("begin with their first moment and end before their last", () => {
    const tasks = granted([0, { slots: [slot("a", 10, 20)] }]);
    expect(holderOf(tasks, "a", NOW + 10 * MINUTE - 1)).toBeUndefined();
    expect(held(tasks, "a", 10)).toBe("t1");
    expect(holderOf(tasks, "a", NOW + 20 * MINUTE - 1)?.until).toBe(NOW + 20 * MINUTE);
    expect(held(tasks, "a", 20)).toBeUndefined();
    expect(held(tasks, "b", 15)).toBeUndefined();
  });

  it("that touch do not conflict, of one task and of two", () => {
    const tasks = granted(
      [0, { slots: [slot("a", 10, 20), slot("a", 20, 30)] }],
      [0, { taskId: "t2", requester: "bob", slots: [slot("a", 30, 40), slot("a", 0, 10)] }],
    );
    expect([5, 10, 20, 30, 39].map((minute) => held(tasks, "a", minute))).toEqual([
      ...["t2", "t1", "t1", "t2", "t2"],
    ]);
  });

  it("come in VOLTTRON's forms; slashes around a path do not count", () => {
    for (const slots of [slot("/a/b/", 0, 9), [slot("a/b", 0, 9)], [[slot("a/b", 0, 9)]]])
      expect(held(granted([0, { slots }]), "a/b", 5)).toBe("t1");
  });

  it("that are over are in nobody's way, and a finished task's id is free again", () => {
    const tasks = granted([0, { slots: [slot("a", 0, 10), slot("a", 50, 60)] }]);
    expect(infoOf(tasks, { taskId: "t2", slots: [slot("a", 0, 20)] }, 10)).toBe("");
    expect(infoOf(tasks, {}, 59)).toBe("TASK_ID_ALREADY_EXISTS");
    expect(infoOf(tasks, {}, 60)).toBe("");
  });
});

describe("D1, E19: preemption", () => {
  const low = { taskId: "low", requester: "bob" };
  const high = { taskId: "high", requester: "eve", priority: "HIGH" };
  const soft = { ...low, priority: "LOW_PREEMPT" };

  it.each<[first: string, started: boolean, second: string, wins: boolean]>([
    ["LOW", false, "HIGH", true],
    ["LOW", true, "HIGH", false],
    ["LOW_PREEMPT", false, "HIGH", true],
    ["LOW_PREEMPT", true, "HIGH", true],
    ["HIGH", false, "HIGH", false],
    ["HIGH", true, "HIGH", false],
    ["LOW", false, "LOW", false],
    ["LOW_PREEMPT", false, "LOW", false],
    ["LOW_PREEMPT", true, "LOW", false],
    ["LOW_PREEMPT", false, "LOW_PREEMPT", false],
    ["HIGH", false, "LOW", false],
    ["HIGH", false, "LOW_PREEMPT", false],
  ])("%s (started: %s) against %s: %s", (first, started, second, wins) => {
    const tasks = granted([-10, { ...low, priority: first, slots: [slot("a", started ? -5 : 5, 60)] }]);
    const info = infoOf(tasks, { ...high, priority: second, slots: [slot("a", 10, 20)] });
    expect(info).toBe(wins ? "" : "CONFLICTS_WITH_EXISTING_SCHEDULES");
  });

  it("a task has started with its earliest slot on any device, also between its slots", () => {
    const tasks = granted([-10, { ...low, slots: [slot("b", -5, -4), slot("a", 30, 60)] }]);
    expect(infoOf(tasks, { ...high, slots: [slot("a", 30, 40)] })).toBe("CONFLICTS_WITH_EXISTING_SCHEDULES");
    expect(infoOf(tasks, { ...high, slots: [slot("a", 30, 40)] }, -6)).toBe("");
  });

  it("of one that has not started takes all of it, the slots that nobody wants too", () => {
    const tasks = granted(
      [0, { ...low, slots: [slot("a", 10, 60), slot("b", 10, 60)] }],
      [1, { ...high, slots: [slot("a", 50, 55)] }],
    );
    expect([...tasks.keys()]).toEqual(["high"]);
  });

  it("of a running one leaves it the slots of this moment for the time of grace, and no others", () => {
    const tasks = granted(
      [0, { ...soft, slots: [slot("a", 0, 60), slot("b", 0, 60), slot("c", 30, 60), slot("a", 70, 80)] }],
      [10, { ...high, slots: [slot("a", 10, 20)] }],
    );
    expect([10, 10.9].map((minute) => held(tasks, "a", minute))).toEqual(["low", "low"]);
    expect([11, 19].map((minute) => held(tasks, "a", minute))).toEqual(["high", "high"]);
    expect([held(tasks, "b", 10.9), held(tasks, "b", 11)]).toEqual(["low", undefined]);
    expect([held(tasks, "c", 40), held(tasks, "a", 75)]).toEqual([undefined, undefined]);
    expect(
      [...holders(tasks, NOW + 10.5 * MINUTE).values()].map(({ device, task }) => [device, task.id]),
    ).toEqual([
      ["a", "low"],
      ["b", "low"],
    ]);
  });

  it("grace never outlasts the slot, and is not given twice", () => {
    const short = granted(
      [0, { ...soft, slots: [slot("a", 0, 10.5)] }],
      [10, { ...high, slots: [slot("a", 10, 20)] }],
    );
    expect([held(short, "a", 10.4), held(short, "a", 10.5)]).toEqual(["low", "high"]);
    const twice = granted(
      [0, { ...soft, slots: [slot("a", 0, 60), slot("b", 0, 60)] }],
      [10, { ...high, slots: [slot("a", 10, 20)] }],
      [10.5, { ...high, taskId: "second", slots: [slot("b", 10, 20)] }],
    );
    expect([held(twice, "b", 10.9), held(twice, "b", 11)]).toEqual(["low", "second"]);
  });

  it("a time of grace is still a reservation for those who cannot preempt", () => {
    const tasks = granted(
      [0, { ...soft, slots: [slot("a", 0, 60), slot("b", 0, 60)] }],
      [10, { ...high, slots: [slot("a", 10, 20)] }],
    );
    expect(infoOf(tasks, { slots: [slot("b", 10, 20)] }, 10.5)).toBe("CONFLICTS_WITH_EXISTING_SCHEDULES");
    expect(infoOf(tasks, { slots: [slot("b", 11, 20)] }, 10.5)).toBe("");
  });

  it("happens in full or not at all", () => {
    const tasks = granted(
      [0, { ...low, slots: [slot("a", 10, 60)] }],
      [0, { taskId: "other", priority: "HIGH", slots: [slot("b", 10, 60)] }],
    );
    const decision = decide(
      tasks,
      asked({ ...high, slots: [slot("a", 10, 20), slot("b", 10, 20)] }),
      NOW,
      GRACE,
    );
    expect(decision).toMatchObject({ ok: false, conflicts: { ann: { other: [{ device: "b" }] } } });
    expect(held(tasks, "a", 15)).toBe("low");
  });
});

describe("E19: whatever is asked in whatever order", () => {
  const request = fc.record({
    kind: fc.constantFrom("request", "cancel"),
    wait: fc.integer({ min: -2, max: 6 }),
    taskId: fc.constantFrom("t1", "t2", "t3", "t4", "t5"),
    requester: fc.constantFrom("ann", "bob"),
    priority: fc.constantFrom("HIGH", "LOW", "LOW_PREEMPT"),
    slots: fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.nat(30), fc.nat(12)), {
      minLength: 1,
      maxLength: 4,
    }),
  });

  it("no device has two holders but in a time of grace, nobody's running HIGH or LOW is cut, refusals change nothing", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 25 }), (requests) => {
        let tasks: Tasks = new Map();
        let minute = 0;
        for (const { kind, wait, slots, ...rest } of requests) {
          minute += wait;
          const now = NOW + minute * MINUTE;
          const before = unfinished(tasks, now);
          const wanted = slots.map(([device, from, length]) => slot(device, from, from + length));
          const done =
            kind === "cancel"
              ? cancel(tasks, rest, now)
              : decide(tasks, { ...rest, slots: wanted }, now, GRACE);
          if (!done.ok) {
            expect(unfinished(tasks, now)).toEqual(before);
            continue;
          }
          tasks = done.tasks;
          for (const task of before.values()) {
            const kept = task.priority === "HIGH" || (task.priority === "LOW" && task.startsAt <= now);
            if (kept && kind === "request") expect(tasks.get(task.id)).toEqual(task);
          }
          for (let edge: number | undefined = now; edge !== undefined; edge = nextEdge(tasks, edge)) {
            const running = [...tasks.values()].flatMap((task) =>
              task.slots
                .filter(({ start, end }) => start <= edge! && edge! < end)
                .map(({ device }) => ({ device, task })),
            );
            for (const device of ["a", "b"]) {
              const here = running.filter((one) => one.device === device);
              expect(here.filter(({ task }) => !task.preempted).length).toBeLessThanOrEqual(1);
              expect(here.filter(({ task }) => task.preempted).length).toBeLessThanOrEqual(1);
              const holder = holderOf(tasks, device, edge);
              expect(holder?.task).toBe((here.find(({ task }) => task.preempted) ?? here[0])?.task);
              expect(holders(tasks, edge).get(device)).toEqual(holder);
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
