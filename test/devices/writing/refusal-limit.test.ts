import { expect, test } from "vitest";
import { logWrites } from "../../../src/devices/writing/write-log.ts";
import { WriteRefusedError } from "../../../src/drivers/errors.ts";
import { createLog } from "../../../src/log/log.ts";
import { rig } from "../rig.ts";

/** Devices, and the log lines that tell of refusals. */
function site() {
  const made = rig();
  logWrites(made.bus, createLog({ write: (line) => void made.lines.push(line) }));
  return { ...made, refusals: () => made.lines.filter((line) => line.includes("refused")) };
}

test("G11: ten refusals a minute by one requester at one point are on record each, the rest as one with a count; all are answered", async () => {
  const { commands, command, within, clock, writes, refusals } = site();
  const asked = (requester: string, count: number) =>
    Array.from({ length: count }, () => commands.set("site/s1", "load", 1, command({ requester })));
  const answers = await within(0, Promise.all([...asked("mallory", 2000), ...asked("ems", 3)]));
  expect(answers.every(({ status, error }) => status === "refused" && error === "PointReadOnlyError")).toBe(
    true,
  );
  const of = (name: string) => writes.filter(({ requester }) => requester === name);
  expect([of("mallory").length, of("ems").length]).toEqual([10, 3]);
  expect(refusals()).toHaveLength(13);
  await clock.advance(60_000);
  expect(of("mallory").slice(10)).toMatchObject([{ status: "refused", point: "load", count: 1990 }]);
  expect(of("ems")).toHaveLength(3);
  expect(refusals().slice(13)).toEqual([
    expect.stringMatching(/site\/s1\/load .*1990 more refused .*requester=mallory .*count=1990/),
  ]);
  await within(0, Promise.all(asked("mallory", 1)));
  expect(of("mallory")).toHaveLength(12);
});

test("G11: requesters who invent names are counted together", async () => {
  const { commands, command, within, clock, writes } = site();
  const asked = Array.from({ length: 3000 }, (_, n) =>
    commands.set("site/s1", "load", 1, command({ requester: `m${n}` })),
  );
  await within(0, Promise.all(asked));
  expect(writes.length).toBe(1010);
  await clock.advance(60_000);
  expect(writes.at(-1)).toMatchObject({ count: 1990 });
});

test("G11: what was only counted is on record before the stop", async () => {
  const { devices, commands, command, within, writes } = site();
  const asked = Array.from({ length: 15 }, () => commands.revertPoint("site/s1", "load", command()));
  await within(0, Promise.all(asked));
  await within(0, devices.stop());
  expect(writes.slice(10)).toMatchObject([{ action: "revert", count: 5 }]);
});

test("E22: a write that its driver refuses after it was announced is always on record", async () => {
  const { commands, command, station, writes, clock } = site();
  station().writeError = new WriteRefusedError("not now");
  for (let i = 0; i < 12; i++) {
    void commands.set("site/s1", "limit", i, command({ id: `id-${i}` }));
    await clock.advance(1000);
  }
  await clock.advance(60_000);
  const told = writes.filter(({ status }) => status === "refused");
  expect(told.map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, i) => `id-${i}`));
});
