import { describe, expect, it } from "vitest";
import type { HeldWrite, HoldComparison } from "../../../src/drivers/abilities.ts";
import { StateStore } from "../../../src/storage/state-store.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { type RigOptions, rig, type ScriptedDevice } from "../rig.ts";

const MINUTE = 60_000;

/** A rig whose station shows what the test says stands in it. */
function shown(answer: (held: readonly HeldWrite[]) => HoldComparison, options: RigOptions = {}) {
  const asked: string[][] = [];
  const prepare = (device: ScriptedDevice) =>
    Object.assign(device, {
      leaseSeconds: 3600,
      compareHolds: async (held: readonly HeldWrite[]) => {
        asked.push(held.map(({ key, point, value }) => `${key} ${point} ${value}`));
        return answer(held);
      },
    });
  const made = rig({ prepare, ...options });
  made.devices.start();
  return { ...made, asked, list: () => made.devices.control.sheds() };
}

const nothing = () => ({ gone: [], foreign: [] });
const kinds = ({ notices }: { notices: readonly { kind: string }[] }) => notices.map(({ kind }) => kind);

/** The limit 5 was written by ems; then the bridge was away for a minute. */
async function restarted(answer: (held: readonly HeldWrite[]) => HoldComparison) {
  const state = StateStore.open(":memory:");
  const before = shown(nothing, { state });
  await before.within(0, before.commands.set("site/s1", "limit", 5, before.command({ requester: "ems" })));
  return shown(answer, { state, clock: new ManualClock(before.clock.now() + MINUTE) });
}

describe("what stands in the devices", () => {
  it("is listed with who asked for it, since when, until when, and how often it was renewed", async () => {
    const { list, devices, commands, clock, command, within } = shown(nothing);
    expect(list()).toEqual({ held: [], others: [] });
    await within(0, commands.set("site/s1", "limit", 5, command({ requester: "ems" })));
    const first = list().held[0]!;
    expect(first).toMatchObject({
      device: "site/s1",
      point: "limit",
      value: 5,
      requester: "ems",
      renewals: 0,
    });
    expect(Date.parse(first.endsAt!) - Date.parse(first.since)).toBe(60 * MINUTE);
    await clock.advance(65 * MINUTE);
    const later = list().held[0]!;
    expect(later).toMatchObject({ since: first.since, renewals: 2, leaseSeconds: 3600 });
    expect(Date.parse(later.endsAt!)).toBeGreaterThan(clock.now());
    await within(0, commands.set("site/s1", "limit", 4, command({ requester: "ann", durationMinutes: 30 })));
    expect(list().held).toMatchObject([{ value: 4, requester: "ann", renewals: 0, leaseSeconds: null }]);
    await devices.stop();
  });

  it("E7: is held on after a restart where the device shows it", async () => {
    const { clock, asked, list, devices, station, ...heard } = await restarted(nothing);
    expect(asked).toEqual([]);
    await clock.advance(5 * MINUTE);
    expect(new Set(asked.flat())).toEqual(new Set(["shed limit 5"]));
    expect(list().held).toMatchObject([{ value: 5, requester: "ems" }]);
    station().values.set("limit", 5);
    await clock.advance(30 * MINUTE);
    expect(station().writes).toEqual(["set limit 5"]);
    expect(kinds(heard)).toEqual([]);
    await devices.stop();
  });

  it("is said to be gone and forgotten where the device does not show it, and never written again", async () => {
    const { clock, list, devices, station, ...heard } = await restarted((held) => ({
      gone: held.map(({ key }) => key),
      foreign: [],
    }));
    await clock.advance(5 * MINUTE);
    expect(list().held).toEqual([]);
    expect(heard.notices).toMatchObject([
      { kind: "hold_gone", device: "site/s1", text: expect.stringContaining("site/s1/limit = 5 of ems") },
    ]);
    await clock.advance(120 * MINUTE);
    expect(station().writes).toEqual([]);
    await devices.stop();
  });

  it("of somebody else is told once, listed until it is gone, and never touched", async () => {
    let foreign = [{ key: "other", text: "port 2 is limited (3 kW)" }];
    const { clock, list, devices, station, commands, command, within, ...heard } = shown(() => ({
      gone: [],
      foreign,
    }));
    await clock.advance(10 * MINUTE);
    expect(list().others).toMatchObject([{ device: "site/s1", text: "port 2 is limited (3 kW)" }]);
    expect(kinds(heard)).toEqual(["foreign_shed"]);
    foreign = [];
    await clock.advance(2 * MINUTE);
    expect(list().others).toEqual([]);
    expect(station().writes).toEqual([]);
    await devices.stop();
    expect(clock.waiting).toBe(0);
  });

  it("is not judged by what the device shows where it was written in this run", async () => {
    const { clock, list, devices, commands, command, within, ...heard } = shown((held) => ({
      gone: held.map(({ key }) => key),
      foreign: [{ key: "shed", text: "something else" }],
    }));
    await within(0, commands.set("site/s1", "limit", 5, command()));
    await clock.advance(5 * MINUTE);
    expect(list()).toMatchObject({ held: [{ value: 5 }], others: [] });
    expect(kinds(heard)).toEqual([]);
    await devices.stop();
  });

  it("is compared after the next scrape where it could not be", async () => {
    let fails = true;
    const { clock, asked, devices } = await restarted(() => {
      if (fails) throw new Error("not now");
      return nothing();
    });
    await clock.advance(2 * MINUTE);
    const tries = asked.length;
    expect(tries).toBeGreaterThan(0);
    fails = false;
    await clock.advance(5 * MINUTE);
    expect(asked.length).toBeGreaterThan(tries);
    await devices.stop();
  });
});
