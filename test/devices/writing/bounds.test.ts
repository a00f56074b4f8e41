import { expect, test } from "vitest";
import type { EventPlan } from "../../../src/drivers/abilities.ts";
import type { PointValue } from "../../../src/points/index.ts";
import { StateStore } from "../../../src/storage/state-store.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { rig } from "../rig.ts";

const YEAR_MINUTES = 525_600;
const TEN_YEARS_S = 315_360_000;
const TOO_LONG = [1e300, 2 ** 53, 150_000_000_000, Number.NaN, Number.POSITIVE_INFINITY];

test.each([...TOO_LONG, YEAR_MINUTES + 1])(
  "E30: duration_minutes %s is refused before anything is sent or kept",
  async (durationMinutes) => {
    const { devices, commands, command, within, station, state } = rig();
    devices.start();
    const result = await within(0, commands.set("site/s1", "limit", 5, command({ durationMinutes })));
    expect(result).toMatchObject({ status: "refused", error: "WriteRefusedError" });
    expect(result.text).toContain(`at most ${YEAR_MINUTES}`);
    expect(station().writes).toEqual([]);
    expect(devices.control.sheds().held).toEqual([]);
    for (const name of ["holds", "commands"]) expect(state.namespace(name).entries()).toEqual([]);
  },
);

test("E30: a year is a duration like any other", async () => {
  const { devices, commands, command, within } = rig();
  devices.start();
  const asked = command({ durationMinutes: YEAR_MINUTES });
  expect(await within(0, commands.set("site/s1", "limit", 5, asked))).toMatchObject({ status: "confirmed" });
  expect(devices.control.sheds().held).toHaveLength(1);
});

test.each([...TOO_LONG, TEN_YEARS_S + 1])(
  "E30: an override of %s s is refused before anything is kept",
  (durationSeconds) => {
    const { devices, overriding, command, state } = rig();
    devices.start();
    const set = () => overriding.setOverrideOn("site/*", { durationSeconds }, command());
    expect(set).toThrow(`at most ${TEN_YEARS_S}`);
    expect(overriding.overridePatterns()).toEqual([]);
    expect(overriding.overrideDevices()).toEqual([]);
    expect(state.namespace("overrides").entries()).toEqual([]);
  },
);

test("E30: ten years are an override like any other, and none is one without an end", () => {
  const { devices, overriding, command } = rig();
  devices.start();
  const set = (durationSeconds: number) => overriding.setOverrideOn("site/*", { durationSeconds }, command());
  expect(set(TEN_YEARS_S).endsAt).toBeInstanceOf(Date);
  expect(set(0).endsAt).toBeUndefined();
});

test.each<[string, Partial<EventPlan>]>([
  ["lasts 2^53 minutes", { durationMinutes: 2 ** 53 }],
  ["lasts 150000000000 minutes", { durationMinutes: 150_000_000_000 }],
  ["begins in the year 275760", { startsAt: new Date(8.64e15) }],
])("E30: an event that %s is refused and on record", async (_, more) => {
  const { devices, command, within, clock, writes } = rig();
  devices.start();
  const startsAt = new Date(clock.now() + 60_000);
  const plan = { startsAt, durationMinutes: 60, limit: { kw: 3 }, allowOptOut: true, ...more };
  const created = devices.control.eventing.createEvent("site/s1", plan, command());
  await expect(within(0, created)).rejects.toThrow(/at most/);
  expect(writes.at(-1)).toMatchObject({ action: "create_event", status: "refused" });
});

test("E30: a reservation that ends in no year that can be written is refused, and never lost at a restart", () => {
  const { devices, scheduling, command } = rig();
  devices.start();
  const ask = (end: string) =>
    scheduling.requestNewSchedule(
      { taskId: end, priority: "LOW", slots: [["site/s1", "2026-01-01T00:00:00Z", end]] },
      { ...command(), requester: "ann" },
    );
  expect(ask("9999-12-31T23:59:59-12:00")).toMatchObject({
    result: "FAILURE",
    info: expect.stringMatching(/^MALFORMED_REQUEST: ValueError: .*years 1 to 9999/),
  });
  expect(ask("9999-12-31T23:59:59Z")).toMatchObject({ result: "SUCCESS" });
});

test("E30: what an earlier version kept breaks no list: it is held within the bounds, or set aside, and told", async () => {
  const state = StateStore.open(":memory:");
  const clock = new ManualClock();
  const now = clock.now();
  const overrides = state.namespace("overrides");
  overrides.set("site/long", { setAt: now, endsAt: 1e303 });
  overrides.set("site/text", { setAt: "today" });
  overrides.set("site/none", 5);
  overrides.set("site/null", { setAt: now, endsAt: null });
  const hold = { device: "site/s1", point: "limit", value: 5, requester: "ann", setAt: now };
  const holds: [string, PointValue][] = [
    ["shed", { ...hold, key: "shed", endsAt: now + 9e15 }],
    ["text", "limit"],
    ["device", { ...hold, key: "device", device: null }],
    ["end", { ...hold, key: "end", endsAt: "soon" }],
  ];
  for (const [key, saved] of holds) state.namespace("holds").set(JSON.stringify(["site/s1", key]), saved);
  const task = {
    taskId: "t",
    requester: "ann",
    priority: "LOW",
    preempted: false,
    startsAt: "2026-01-01T00:00:00Z",
  };
  const slot = ["site/s1", "2026-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"];
  state.namespace("schedule").set("tasks", [
    { ...task, slots: [slot] },
    {
      ...task,
      taskId: "far",
      slots: [["site/s1", "2026-01-01T00:00:00.000Z", "+010000-01-01T11:59:59.000Z"]],
    },
    { ...task, taskId: "odd", slots: [[7, slot[1]!, slot[2]!]] },
    { ...task, taskId: "none", slots: null },
    null,
  ]);
  const { devices, overriding, scheduling, notices } = rig({ state, clock });
  devices.start();
  await clock.advance(0);
  const patterns = overriding.overridePatterns();
  expect(JSON.parse(JSON.stringify(patterns))).toEqual([
    { pattern: "site/long", endsAt: new Date(now + TEN_YEARS_S * 1000).toISOString(), devices: [] },
    ...["site/none", "site/null", "site/text"].map((pattern) => ({ pattern, devices: [] })),
  ]);
  const [held, ...others] = devices.control.sheds().held;
  expect(others).toEqual([]);
  expect(held).toMatchObject({ point: "limit", endsAt: new Date(now + YEAR_MINUTES * 60_000).toISOString() });
  expect(scheduling.tasks().map(({ taskId }) => taskId)).toEqual(["t"]);
  const kinds = notices.map(({ kind }) => kind).sort();
  expect(new Set(kinds)).toEqual(
    new Set([
      "state_record_set_aside",
      "hold_shortened",
      "override_damaged",
      "override_shortened",
      "schedule_damaged",
    ]),
  );
});
