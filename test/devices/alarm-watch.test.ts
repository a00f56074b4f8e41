import { expect, test } from "vitest";
import { Bus } from "../../src/bus.ts";
import { AlarmWatch } from "../../src/devices/scraping/alarm-watch.ts";
import type { AlarmsAnswer } from "../../src/drivers/chargepoint/account/answers.ts";
import { alarmList } from "../../src/drivers/chargepoint/registers/alarm-register.ts";
import type { AlarmChange, AlarmList, OpenAlarms } from "../../src/points/index.ts";
import { StateStore } from "../../src/storage/state-store.ts";
import { AT, device, PATH, scrape } from "../mqtt/rig.ts";

const STATION = { ...device(PATH, []), stationID: "1:1" };

/** A list of `[port, type, minute]`, in the order of a network that names the newest first. */
function list(
  ...alarms: readonly (readonly [port: string | null, type: string, minute: number])[]
): AlarmList {
  const records = alarms.map(([portNumber, alarmType, minute]) => {
    const alarmTime = new Date(AT.getTime() + minute * 60_000).toISOString();
    return { portNumber, alarmType, alarmTime };
  });
  return alarmList(records.reverse() as readonly object[] as AlarmsAnswer);
}

function rig(state = StateStore.open(":memory:")) {
  const bus = new Bus((_, error) => {
    throw error;
  });
  const changes: AlarmChange[] = [];
  let open: OpenAlarms | undefined;
  bus.on("alarm", (change) => changes.push(change));
  bus.on("openAlarms", (now) => {
    open = now;
  });
  const watch = new AlarmWatch(bus, state);
  return {
    state,
    watch,
    /** Reads a list; returns what was announced as `<state> <port> <alarm> <minute at the network>`. */
    read(alarms: AlarmList, of = STATION) {
      watch.noteScrape({ ...scrape(of, {}), alarms });
      watch.flush();
      return changes.splice(0).map(({ state, port, alarm, at }) => {
        const minute = at && (at.getTime() - AT.getTime()) / 60_000;
        return `${state} ${port} ${alarm} ${minute}`;
      });
    },
    get open() {
      return open?.alarms.map(({ port, alarm }) => `${port} ${alarm}`);
    },
  };
}

test("G13: alarms that are there at the first reading are open and not announced; later ones are, once", () => {
  const one = rig();
  expect(one.read(list(["1", "Over Current", 1]))).toEqual([]);
  expect(one.open).toEqual(["1 Over Current"]);
  const more = [["1", "Over Current", 1] as const, ["2", "GFCI Soft Trip", 2] as const];
  expect(one.read(list(...more))).toEqual(["raised 2 GFCI Soft Trip 2"]);
  expect(one.read(list(...more))).toEqual([]);
  expect(one.open).toEqual(["2 GFCI Soft Trip", "1 Over Current"]);
});

test("G13: one that is no longer listed was cleared at a time that nobody tells", () => {
  const one = rig();
  one.read(list(["1", "Over Current", 1]));
  expect(one.read(list())).toEqual(["cleared 1 Over Current null"]);
  expect(one.open).toEqual([]);
});

test("a record of an end clears the alarms of its own port, and is none itself", () => {
  const one = rig();
  one.read(list([null, "Unreachable", 1], ["1", "Over Current", 1], ["2", "GFCI Soft Trip", 1]));
  const before = [
    [null, "Unreachable", 1],
    ["1", "Over Current", 1],
    ["2", "GFCI Soft Trip", 1],
  ] as const;
  expect(one.read(list(...before, ["2", "fault cleared", 3]))).toEqual(["cleared 2 GFCI Soft Trip 3"]);
  expect(one.read(list(...before, ["2", "fault cleared", 3], [null, "Reachable", 4]))).toEqual([
    "cleared null Unreachable 4",
  ]);
  expect(one.open).toEqual(["1 Over Current"]);
});

test("what was raised and ended between two readings is announced as both, also where the beginning is reported late", () => {
  const one = rig();
  one.read(list());
  expect(one.read(list(["1", "Over Current", 1], ["1", "fault cleared", 1]))).toEqual([
    "raised 1 Over Current 1",
    "cleared 1 Over Current 1",
  ]);
  const late = ["1", "GFCI Soft Trip", 0] as const;
  expect(one.read(list(late, ["1", "Over Current", 1], ["1", "fault cleared", 1]))).toEqual([
    "raised 1 GFCI Soft Trip 0",
    "cleared 1 GFCI Soft Trip 1",
  ]);
});

test("G13: over a restart nothing is announced twice, and what happened meanwhile is announced", () => {
  const one = rig();
  one.read(list());
  one.read(list(["1", "Over Current", 1], ["2", "GFCI Soft Trip", 2]));
  const again = rig(one.state);
  expect(again.read(list(["1", "Over Current", 1], ["1", "Stuck Relay", 3]))).toEqual([
    "raised 1 Stuck Relay 3",
    "cleared 2 GFCI Soft Trip null",
  ]);
  expect(again.open).toEqual(["1 Stuck Relay", "1 Over Current"]);
  expect(rig(one.state).read(list(["1", "Over Current", 1], ["1", "Stuck Relay", 3]))).toEqual([]);
});

test("G13: another station under the same path starts anew; a device that was renamed does not", () => {
  const one = rig();
  one.read(list(["1", "Over Current", 1]));
  expect(one.read(list(), { ...STATION, stationID: "1:2" })).toEqual([]);
  const other = rig();
  other.read(list(["1", "Over Current", 1]));
  other.watch.rename(PATH, "elsewhere");
  expect(other.read(list(), { ...STATION, path: "elsewhere" })).toEqual(["cleared 1 Over Current null"]);
});

test("of more alarms than are kept, those that fall out or come back in are neither cleared nor raised", () => {
  const one = rig();
  const many = Array.from({ length: 60 }, (_, minute) => ["1", "Over Current", minute] as const);
  one.read(list(...many.slice(0, 50)));
  expect(one.read(list(...many)).length).toBe(10);
  // The newest were cleared, so that older ones come into view again.
  expect(one.read(list(...many.slice(0, 55)))).toEqual(
    many.slice(55).map(([port, alarm]) => `cleared ${port} ${alarm} null`),
  );
});
