import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StateStore } from "../../../src/storage/state-store.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { type RigOptions, rig } from "../rig.ts";

const MINUTE = 60_000;
const PATHS = ["site/s1", "site/s2"];

/** A running rig, and how to ask its scheduler. Slots are minutes from the rig's start. */
async function scheduled(options: RigOptions = {}) {
  const made = rig({ paths: PATHS, ...options });
  made.devices.start();
  await made.clock.advance(0);
  const { clock, scheduling, commands, within, command } = made;
  const started = clock.now();
  const at = (minutes: number) => new Date(started + minutes * MINUTE).toISOString();
  const slots = (...list: [device: string, from: number, to: number][]) =>
    list.map(([device, from, to]) => [device, at(from), at(to)]);
  const reserve = (requester: string, taskId: string, asked: unknown, priority: unknown = "LOW") =>
    scheduling.requestNewSchedule({ taskId, priority, slots: asked }, command({ requester }));
  const cancel = (requester: string, taskId: string) =>
    scheduling.requestCancelSchedule(taskId, command({ requester }));
  /** What becomes of a set point: its status, and the kind of error. */
  const set = async (requester: string, device = "site/s1") => {
    const { status, error } = await within(0, commands.set(device, "limit", 5, command({ requester })));
    return error ?? status;
  };
  return { ...made, at, slots, reserve, cancel, set };
}

const GRANTED = { result: "SUCCESS", info: "", data: {} };

describe("reservations and writes", () => {
  it("E18, E19: only the holder of a running slot sets and reverts; unreserved devices are everybody's", async () => {
    const { devices, clock, reserve, slots, set, commands, command, within, station } = await scheduled();
    expect(reserve("ann", "t1", slots(["site/s1", 10, 20]))).toEqual(GRANTED);
    expect(await set("bob")).toBe("confirmed");
    await clock.advance(10 * MINUTE);
    station().calls.length = 0;
    expect(await set("bob")).toBe("ScheduleError");
    expect(await set("bob", "site/s2")).toBe("confirmed");
    const point = within(0, commands.revertPoint("site/s1", "limit", command({ requester: "bob" })));
    expect(await point).toMatchObject({ status: "refused", error: "ScheduleError" });
    const device = await within(0, commands.revertDevice("site/s1", command({ requester: "bob" })));
    expect(device).toMatchObject({ status: "refused", error: "ScheduleError" });
    expect(device.text).toBe(
      "device site/s1 is reserved by ann (task t1) until 2026-11-21T08:20:00.000Z; " +
        "bob can write then, or reserve it with a priority that takes precedence",
    );
    expect(station().writes).toEqual([]);
    expect(await within(0, commands.get("site/s1", "limit"))).toBe(5);
    expect(await set("ann")).toBe("confirmed");
    await clock.advance(10 * MINUTE);
    expect(await set("bob")).toBe("confirmed");
    await devices.stop();
    expect(clock.waiting).toBe(0);
  });

  it("E18: without reservations, two senders come in the order of arrival", async () => {
    const { devices, commands, command, within, station } = await scheduled();
    station().writeMs = 100;
    const by = (n: number) => command({ requester: n % 2 ? "ann" : "bob" });
    const points = ["limit", "percent", "label", "enabled"];
    const sent = points.map((point, n) => commands.set("site/s1", point, 1, by(n)));
    await within(1000, Promise.all(sent));
    expect(station().writes).toEqual(["set limit 1", "set percent 1", 'set label "1"', "set enabled true"]);
    // On one point, the last that waits.
    const more = [1, 2, 3, 4].map((value) => commands.set("site/s1", "limit", value, by(value)));
    const results = await within(1000, Promise.all(more));
    expect(station().writes.slice(4)).toEqual(["set limit 1", "set limit 4"]);
    expect(results.map(({ error }) => error)).toEqual([
      ...[undefined, "SupersededError", "SupersededError", undefined],
    ]);
    await devices.stop();
  });

  it("E19: with require_schedule nobody writes without a running slot; reading stays free", async () => {
    const { devices, reserve, slots, set, commands, command, within, station } = await scheduled({
      actuator: { requireSchedule: true },
    });
    const refused = await within(0, commands.set("site/s1", "limit", 5, command({ requester: "ann" })));
    expect(refused).toMatchObject({
      status: "refused",
      error: "ScheduleError",
      text: "ann has not reserved device site/s1, and actuator.require_schedule is true: request a schedule for it first",
    });
    expect(station().writes).toEqual([]);
    reserve("ann", "t1", slots(["site/s1", 0, 20]));
    expect([await set("ann"), await set("bob"), await set("ann", "site/s2")]).toEqual([
      ...["confirmed", "ScheduleError", "ScheduleError"],
    ]);
    expect(await within(0, commands.get("site/s2", "limit"))).toBe(0);
    await devices.stop();
  });

  it("E19: a write that waits when the slot ends is refused", async () => {
    const { devices, clock, reserve, slots, commands, command, within, station } = await scheduled({
      actuator: { requireSchedule: true },
    });
    reserve("ann", "t1", slots(["site/s1", 0, 1]));
    await clock.advance(59_000);
    station().writeMs = 2000;
    const both = [1, 2].map((value) =>
      commands.set("site/s1", "limit", value, command({ requester: "ann" })),
    );
    const [, second] = await within(10_000, Promise.all(both));
    expect(second).toMatchObject({ status: "refused", error: "ScheduleError" });
    expect(station().writes).toEqual(["set limit 1"]);
    await devices.stop();
  });

  it("E7, E19: leases are renewed and heartbeats written whoever holds the device", async () => {
    const { devices, clock, reserve, slots, set, station } = await scheduled({
      rows: [
        { name: "limit", attribute: "limit", writable: true, min: 0, max: 50 },
        { name: "enabled", attribute: "enabled", writable: true, type: "boolean" },
      ],
      device: { heartbeatPoint: "enabled" },
      prepare: (device) => void Object.assign(device, { leaseSeconds: 3600 }),
    });
    await set("bob");
    reserve("ann", "t1", slots(["site/s1", 1, 60]));
    await clock.advance(31 * MINUTE);
    expect(station().writes.filter((write) => write === "set limit 5")).toHaveLength(2);
    expect(station().writes.filter((write) => write.startsWith("set enabled")).length).toBeGreaterThan(29);
    await devices.stop();
  });
});

describe("announcements", () => {
  it("D1: at each change and every schedule_publish_interval, with what is left of the slot", async () => {
    const { devices, clock, reserve, cancel, slots, reservations } = await scheduled();
    reserve("ann", "t1", slots(["site/s1", 0, 10], ["site/s2", 1, 2]));
    await clock.advance(0);
    const said = () =>
      reservations.splice(0).map(({ device, requester, taskId, windowSeconds, at }) => {
        expect(at.getTime()).toBeLessThanOrEqual(clock.now());
        return `${device} ${requester} ${taskId} ${windowSeconds}`;
      });
    expect(said()).toEqual(["site/s1 ann t1 600"]);
    await clock.advance(30_000);
    expect(said()).toEqual(["site/s1 ann t1 570"]);
    await clock.advance(30_000);
    expect(said()).toEqual(["site/s1 ann t1 540", "site/s2 ann t1 60"]);
    await clock.advance(60_000);
    expect(said()).toEqual(["site/s1 ann t1 510", "site/s2 ann t1 30", "site/s1 ann t1 480"]);
    cancel("ann", "t1");
    await clock.advance(10 * MINUTE);
    expect(said()).toEqual([]);
    await devices.stop();
  });

  it("D1: the preempted is told by whom; in its grace it holds the device, then the other does", async () => {
    const { devices, clock, reserve, slots, set, preemptions, scheduling } = await scheduled();
    reserve("bob", "soft", slots(["site/s1", 0, 60], ["site/s2", 30, 60]), "LOW_PREEMPT");
    await clock.advance(5 * MINUTE);
    expect(reserve("eve", "must", slots(["site/s1", 5, 15]), "HIGH")).toEqual(GRANTED);
    const by = { requester: "eve", taskId: "must" };
    expect(preemptions).toEqual([{ requester: "bob", taskId: "soft", by, at: new Date(clock.now()) }]);
    expect(scheduling.tasks().map(({ taskId, state, slots: left }) => [taskId, state, left.length])).toEqual([
      ["soft", "preempted", 1],
      ["must", "running", 1],
    ]);
    expect([await set("bob"), await set("eve")]).toEqual(["confirmed", "ScheduleError"]);
    await clock.advance(MINUTE);
    expect([await set("bob"), await set("eve")]).toEqual(["ScheduleError", "confirmed"]);
    expect(await set("bob", "site/s2")).toBe("confirmed");
    await devices.stop();
  });

  it("a device that is not there is reserved too, and the answer says so", async () => {
    const { devices, reserve, slots } = await scheduled();
    expect(reserve("ann", "t1", slots(["site/s3", 0, 10]))).toEqual({
      ...GRANTED,
      info: "there is no device site/s3 now; did you mean site/s1?",
    });
    await devices.stop();
  });
});

describe("requests", () => {
  it("E4: that are too old or expired reserve and cancel nothing", async () => {
    const { devices, clock, scheduling, reserve, slots, command } = await scheduled();
    reserve("ann", "t1", slots(["site/s1", 0, 10]));
    const old = command({ requester: "ann", sentAt: new Date(clock.now() - 61_000) });
    const expired = command({ requester: "ann", expiresAt: new Date(clock.now()) });
    for (const late of [old, expired]) {
      expect(scheduling.requestCancelSchedule("t1", late).info).toMatch(
        /^MALFORMED_REQUEST: CommandExpiredError: .*nothing was sent/,
      );
      const asked = { taskId: "t2", priority: "LOW", slots: slots(["site/s2", 0, 10]) };
      expect(scheduling.requestNewSchedule(asked, late).result).toBe("FAILURE");
    }
    expect(scheduling.tasks().map(({ taskId }) => taskId)).toEqual(["t1"]);
    await devices.stop();
  });

  it("conflicts are told by requester and task", async () => {
    const { devices, reserve, slots, at } = await scheduled();
    reserve("ann", "t1", slots(["site/s1", 0, 10], ["site/s1", 20, 30]));
    expect(reserve("bob", "t2", slots(["site/s1", 25, 35]))).toEqual({
      result: "FAILURE",
      info: "CONFLICTS_WITH_EXISTING_SCHEDULES",
      data: { ann: { t1: [["site/s1", at(20), at(30)]] } },
    });
    await devices.stop();
  });

  it("E25: what cannot be saved is granted for this run, and reported", async () => {
    const { devices, state, reserve, slots, set, notices } = await scheduled();
    state.close();
    expect(reserve("ann", "t1", slots(["site/s1", 0, 10]))).toMatchObject({ result: "SUCCESS" });
    expect(devices.control.scheduling.tasks()).toHaveLength(1);
    expect(await set("bob")).toBe("ScheduleError");
    expect(notices.map(({ kind }) => kind)).toContain("state_not_saved");
    await devices.stop();
  });
});

describe("T14, E19: after a restart", () => {
  it("reservations stand, from the file, to their original times", async () => {
    const folder = mkdtempSync(join(tmpdir(), "schedule-"));
    const file = join(folder, "state.sqlite");
    const before = StateStore.open(file);
    const first = await scheduled({ state: before });
    first.reserve("ann", "now", first.slots(["site/s1", 0, 30]));
    first.reserve("ann", "later", first.slots(["site/s2", 20, 40]), "HIGH");
    first.reserve("ann", "over", first.slots(["site/s2", 0, 5]));
    const known = first.scheduling.tasks();
    before.close();

    const after = StateStore.open(file);
    const clock = new ManualClock(first.clock.now() + 10 * MINUTE);
    const second = await scheduled({ state: after, clock });
    expect(second.scheduling.tasks()).toEqual(known.filter(({ taskId }) => taskId !== "over"));
    expect(second.reservations.map(({ device, windowSeconds }) => [device, windowSeconds])).toEqual([
      ["site/s1", 1200],
    ]);
    expect([await second.set("bob"), await second.set("ann")]).toEqual(["ScheduleError", "confirmed"]);
    await clock.advance(10 * MINUTE);
    expect(await second.set("bob", "site/s2")).toBe("ScheduleError");
    expect(second.cancel("bob", "later").info).toBe("AGENT_ID_TASK_ID_MISMATCH");
    expect(second.cancel("ann", "later")).toEqual(GRANTED);
    expect(second.cancel("ann", "over").info).toBe("TASK_ID_DOES_NOT_EXIST");
    await clock.advance(10 * MINUTE);
    expect(await second.set("bob")).toBe("confirmed");
    await second.devices.stop();
    after.close();
    rmSync(folder, { recursive: true });
  });

  it("a time of grace ends when it would have ended", async () => {
    const first = await scheduled();
    first.reserve("bob", "soft", first.slots(["site/s1", 0, 60]), "LOW_PREEMPT");
    await first.clock.advance(MINUTE);
    first.reserve("eve", "must", first.slots(["site/s1", 1, 60]), "HIGH");
    const clock = new ManualClock(first.clock.now() + 20_000);
    const second = await scheduled({ state: first.state, clock });
    expect(await second.set("eve")).toBe("ScheduleError");
    await clock.advance(39_000);
    expect(await second.set("bob")).toBe("confirmed");
    await clock.advance(1000);
    expect([await second.set("bob"), await second.set("eve")]).toEqual(["ScheduleError", "confirmed"]);
    await second.devices.stop();
  });

  it("what cannot be read is given up and said; the rest stands", async () => {
    const first = await scheduled();
    first.reserve("ann", "t1", first.slots(["site/s1", 0, 30]));
    const store = first.state.namespace("schedule");
    const saved = store.get("tasks") as object[];
    store.set("tasks", [{ taskId: "broken", slots: 5 }, null, ...saved] as never);
    const second = await scheduled({ state: first.state, clock: new ManualClock(first.clock.now()) });
    expect(second.scheduling.tasks().map(({ taskId }) => taskId)).toEqual(["t1"]);
    expect(second.notices.map(({ kind, text }) => [kind, text])).toEqual([
      ["schedule_damaged", "2 saved reservations cannot be read and are discarded"],
    ]);
    await second.devices.stop();
  });
});

describe("D3: a clock that is set", () => {
  it("ahead begins what is due by it, and ends what is over", async () => {
    const { devices, clock, reserve, slots, set } = await scheduled();
    reserve("ann", "t1", slots(["site/s1", 0, 30]));
    reserve("bob", "t2", slots(["site/s1", 60, 90]));
    clock.set(clock.now() + 60 * MINUTE);
    expect([await set("ann"), await set("bob")]).toEqual(["ScheduleError", "confirmed"]);
    await clock.advance(30_000);
    expect(devices.control.scheduling.tasks().map(({ taskId, state }) => [taskId, state])).toEqual([
      ["t2", "running"],
    ]);
    await devices.stop();
  });

  it("back does not lengthen a time of grace", async () => {
    const { devices, clock, reserve, slots, scheduling } = await scheduled();
    reserve("bob", "soft", slots(["site/s1", 0, 60]), "LOW_PREEMPT");
    await clock.advance(10 * MINUTE);
    reserve("eve", "must", slots(["site/s1", 10, 60]), "HIGH");
    clock.set(clock.now() - 5 * MINUTE);
    await clock.advance(59_000);
    expect(scheduling.tasks().map(({ taskId }) => taskId)).toEqual(["soft", "must"]);
    await clock.advance(1000);
    expect(scheduling.tasks().map(({ taskId }) => taskId)).toEqual(["must"]);
    await devices.stop();
  });
});
