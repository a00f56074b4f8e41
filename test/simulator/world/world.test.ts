import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SteppedClock } from "../../../src/simulator/clock.ts";
import type { Session } from "../../../src/simulator/world/sessions/session.ts";
import { portLoadKw, shedReading, stationLoadKw } from "../../../src/simulator/world/stations/station.ts";
import { World } from "../../../src/simulator/world/world.ts";

const HOUR = 3_600_000;

function makeWorld(options: { seed?: number; stations?: number; start?: string; quiet?: boolean } = {}): {
  world: World;
  clock: SteppedClock;
} {
  const clock = new SteppedClock(options.start ?? "2026-11-18T17:00:00Z");
  const world = new World({
    seed: options.seed ?? 1,
    stations: options.stations ?? 8,
    clock,
    traffic: !options.quiet,
    incidents: !options.quiet,
    historyHours: options.quiet ? 0 : 24,
  });
  return { world, clock };
}

/** Everything that can be seen, as text. */
function picture(world: World): string {
  return JSON.stringify([
    world.stations.map((station) => [
      station.unreachableSince,
      station.ports.map((port) => [
        portLoadKw(port, world.now).toFixed(6),
        port.fault,
        port.session?.id,
        port.session?.kwhAt(world.now).toFixed(6),
        shedReading(port),
      ]),
    ]),
    world.sessions.map((session) => [session.id, session.stationID, session.startedAt, session.endedAt]),
    world.alarms,
  ]);
}

/** Energy of a session between two times by adding up its load, many small steps, exact within each stretch's middle. */
function integrate(session: Session, from: number, to: number): number {
  const edges = [...new Set([from, to, ...session.history.map((stretch) => stretch.from)])]
    .filter((time) => time >= from && time <= to)
    .sort((a, b) => a - b);
  let sum = 0;
  for (let index = 1; index < edges.length; index++) {
    const [begin, end] = [edges[index - 1]!, edges[index]!];
    const steps = 100;
    for (let step = 0; step < steps; step++) {
      const middle = begin + ((end - begin) * (step + 0.5)) / steps;
      sum += (session.kwAt(middle) * (end - begin)) / steps / HOUR;
    }
  }
  return sum;
}

describe("the world", () => {
  test("starts with about half of its ports in use, whatever the hour", () => {
    for (const hour of ["02", "08", "13", "20"]) {
      const { world } = makeWorld({ stations: 200, start: `2026-11-18T${hour}:00:00Z` });
      const ports = world.stations.flatMap((station) => station.ports);
      const share = ports.filter((port) => port.session !== null).length / ports.length;
      expect(share).toBeGreaterThan(0.4);
      expect(share).toBeLessThan(0.8);
    }
  });

  test("is busier in the late morning than at night, and vehicles stay after they are full", () => {
    const { world, clock } = makeWorld({ stations: 200, start: "2026-11-18T08:00:00Z" });
    const count = (test: (session: Session) => boolean): number => {
      world.catchUp();
      return world.stations
        .flatMap((station) => station.ports)
        .filter((port) => port.session !== null && test(port.session)).length;
    };
    clock.advance(3 * 3600); // three in the morning at the first site
    const night = count(() => true);
    clock.advance(8 * 3600);
    expect(count(() => true)).toBeGreaterThan(1.4 * night);
    expect(count((session) => session.kwAt(world.now) === 0 && session.kwhAt(world.now) > 1)).toBeGreaterThan(
      5,
    );
  });

  test("the same seed and the same steps give the same world; another seed another one", () => {
    const run = (seed: number): string => {
      const { world, clock } = makeWorld({ seed });
      clock.advance(5 * 3600);
      world.catchUp();
      world.shedStation(world.stations[0]!, { mode: "absolute", value: 3, minutes: 30 });
      clock.advance(3600);
      return picture(world.catchUp());
    };
    expect(run(7)).toBe(run(7));
    expect(run(7)).not.toBe(run(8));
  });

  test("it does not matter how often anybody looks", () => {
    const once = makeWorld();
    const often = makeWorld();
    once.clock.advance(12 * 3600);
    for (let minute = 0; minute < 12 * 60; minute++) {
      often.clock.advance(60);
      often.world.catchUp();
    }
    expect(picture(often.world)).toBe(picture(once.world.catchUp()));
  });

  test("what happens at one station leaves the visits at the others as they were", () => {
    const visits = (shed: boolean): unknown => {
      const { world, clock } = makeWorld({ stations: 3 });
      if (shed) world.shedStation(world.stations[0]!, { mode: "absolute", value: 0, minutes: 0 });
      clock.advance(6 * 3600);
      world.catchUp();
      return world.sessions
        .filter((session) => session.stationID !== world.stations[0]!.id)
        .map((session) => [
          session.stationID,
          session.portNumber,
          session.startedAt,
          session.kwhAt(world.now),
        ]);
    };
    expect(visits(true)).toEqual(visits(false));
  });

  test("the energy of every session is the integral of its load, in every interval", () => {
    const { world, clock } = makeWorld();
    clock.advance(3600);
    world.catchUp();
    expect(world.sessions.length).toBeGreaterThan(40);
    for (const session of world.sessions) {
      const end = session.endedAt ?? world.now;
      expect(session.kwhAt(end)).toBeCloseTo(integrate(session, session.startedAt, end), 3);
      const middle = (session.startedAt + end) / 2;
      expect(session.kwhAt(end) - session.kwhAt(middle)).toBeCloseTo(integrate(session, middle, end), 3);
    }
  });

  test("15-minute intervals add up to the session's energy", () => {
    const { world } = makeWorld();
    for (const session of world.sessions.filter(({ endedAt }) => endedAt !== null)) {
      const step = 900_000;
      let sum = 0;
      const first = Math.floor(session.startedAt / step) * step;
      for (let at = first; at < session.endedAt!; at += step)
        sum += session.kwhAt(at + step) - session.kwhAt(at);
      expect(sum).toBeCloseTo(session.kwhAt(session.endedAt!), 9);
    }
  });

  test("sessions of a port follow each other, take no more than the battery holds, and last as long as they say", () => {
    const { world, clock } = makeWorld();
    clock.advance(24 * 3600);
    world.catchUp();
    const byPort = new Map<string, Session>();
    for (const session of world.sessions) {
      const key = `${session.stationID}/${session.portNumber}`;
      const before = byPort.get(key);
      if (before) expect(session.startedAt).toBeGreaterThanOrEqual(before.endedAt!);
      byPort.set(key, session);
      const end = session.endedAt ?? world.now;
      expect(session.batteryPercentAt(end)).toBeLessThanOrEqual(100);
      expect(session.kwhAt(end)).toBeLessThanOrEqual(session.visit.acceptance.fullKwh + 1e-6);
      expect(session.chargingMsAt(end)).toBeLessThanOrEqual(session.durationMsAt(end));
      expect(session.durationMsAt(end)).toBe(end - session.startedAt);
    }
  });

  test("no driver is at two ports at once", () => {
    const { world, clock } = makeWorld({ stations: 100 });
    for (let hour = 0; hour < 24; hour++) {
      clock.advance(3600);
      world.catchUp();
      const parked = world.stations.flatMap((station) =>
        station.ports.flatMap((port) => (port.session ? [port.session.visit.driverNumber] : [])),
      );
      expect(new Set(parked).size).toBe(parked.length);
    }
  });

  test("faults and outages come and go, with their alarms; nothing flows meanwhile", () => {
    const { world, clock } = makeWorld({ stations: 60 });
    const seen = { faults: 0, outages: 0 };
    for (let step = 0; step < 7 * 24 * 6; step++) {
      clock.advance(600);
      world.catchUp();
      for (const station of world.stations) {
        if (station.unreachableSince !== null) {
          seen.outages++;
          expect(stationLoadKw(station, world.now)).toBe(0);
        }
        for (const port of station.ports) {
          if (port.fault === null) continue;
          seen.faults++;
          expect(portLoadKw(port, world.now)).toBe(0);
        }
      }
    }
    expect(seen.faults).toBeGreaterThan(10);
    expect(seen.outages).toBeGreaterThan(3);
    const types = new Set(world.alarms.map((alarm) => alarm.type));
    expect([...types].sort()).toEqual(
      [
        "GFCI Soft Trip",
        "Over Current",
        "Pilot Unreachable",
        "Reachable",
        "Unreachable",
        "fault cleared",
      ].sort(),
    );
  });
});

describe("limits", () => {
  type Step =
    | { do: "wait"; minutes: number }
    | { do: "plug"; port: number; kw: number; needKwh: number }
    | { do: "unplug"; port: number }
    | { do: "station"; value: number; minutes: number }
    | { do: "port"; port: number; value: number; minutes: number }
    | { do: "clear"; port: number | null };

  const port = fc.integer({ min: 0, max: 1 });
  const minutes = fc.constantFrom(0, 5, 30, 90);
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant("wait" as const), minutes: fc.integer({ min: 0, max: 120 }) }),
      fc.record({
        do: fc.constant("plug" as const),
        port,
        kw: fc.double({ min: 1, max: 11, noNaN: true }),
        needKwh: fc.double({ min: 1, max: 30, noNaN: true }),
      }),
      fc.record({ do: fc.constant("unplug" as const), port }),
      fc.record({
        do: fc.constant("station" as const),
        value: fc.double({ min: 0, max: 14, noNaN: true }),
        minutes,
      }),
      fc.record({
        do: fc.constant("port" as const),
        port,
        value: fc.double({ min: 0, max: 7, noNaN: true }),
        minutes,
      }),
      fc.record({ do: fc.constant("clear" as const), port: fc.constantFrom(null, 0, 1) }),
    ),
    { minLength: 5, maxLength: 40 },
  );

  test("hold at every instant, whatever comes, for one port and for two that share one", () => {
    fc.assert(
      fc.property(steps, (run) => {
        const { world, clock } = makeWorld({ stations: 1, quiet: true });
        const station = world.stations[0]!;
        for (const step of run) {
          switch (step.do) {
            case "wait":
              break;
            case "plug":
              if (!station.ports[step.port]!.session) {
                world.plugIn(station.id, String(step.port + 1), { kw: step.kw, needKwh: step.needKwh });
              }
              break;
            case "unplug":
              world.unplug(station.id, String(step.port + 1));
              break;
            case "station":
              world.shedStation(station, { mode: "absolute", value: step.value, minutes: step.minutes });
              break;
            case "port":
              world.shedPort(station, station.ports[step.port]!, {
                mode: "absolute",
                value: step.value,
                minutes: step.minutes,
              });
              break;
            case "clear":
              world.clearShed(station, step.port === null ? undefined : [station.ports[step.port]!]);
          }
          const pause = step.do === "wait" ? step.minutes * 60 : 0;
          for (let part = 0; part <= (pause > 0 ? 3 : 0); part++) {
            if (part > 0) clock.advance(pause / 3);
            world.catchUp();
            for (const limit of new Set(station.ports.flatMap((bound) => bound.limit ?? []))) {
              const bound = station.ports.filter((candidate) => candidate.limit === limit);
              const load = bound.reduce((sum, candidate) => sum + portLoadKw(candidate, world.now), 0);
              expect(load).toBeLessThanOrEqual(limit.kw + 1e-9);
            }
            for (const free of station.ports) {
              expect(portLoadKw(free, world.now)).toBeLessThanOrEqual(free.kw + 1e-9);
            }
          }
        }
        for (const session of world.sessions) {
          const end = session.endedAt ?? world.now;
          expect(session.kwhAt(end)).toBeCloseTo(integrate(session, session.startedAt, end), 3);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("of a station go to the ports in use: equal parts, less what one leaves over", () => {
    const { world, clock } = makeWorld({ stations: 1, quiet: true });
    const station = world.stations[0]!;
    const loads = (): number[] => station.ports.map((each) => portLoadKw(each, world.catchUp().now));
    world.shedStation(station, { mode: "absolute", value: 6, minutes: 0 });
    world.plugIn(station.id, "1", { kw: 7.2, stayMinutes: 60 });
    expect(loads()).toEqual([6, 0]);
    world.plugIn(station.id, "2", { kw: 7.2 });
    expect(loads()).toEqual([3, 3]);
    world.unplug(station.id, "2");
    world.plugIn(station.id, "2", { kw: 2 });
    expect(loads()).toEqual([4, 2]);
    clock.advance(3600);
    expect(loads()).toEqual([0, 2]);
  });

  test("of a port take it out of its station's limit, which goes on binding the other", () => {
    const { world } = makeWorld({ stations: 1, quiet: true });
    const station = world.stations[0]!;
    world.plugIn(station.id, "1");
    world.plugIn(station.id, "2");
    world.shedStation(station, { mode: "absolute", value: 6, minutes: 0 });
    world.shedPort(station, station.ports[0]!, { mode: "absolute", value: 5, minutes: 0 });
    expect(station.ports.map((each) => portLoadKw(each, world.now))).toEqual([5, 6]);
    world.clearShed(station, [station.ports[0]!]);
    expect(station.ports.map((each) => portLoadKw(each, world.now))).toEqual([7.2, 6]);
    world.shedStation(station, { mode: "absolute", value: 4, minutes: 0 });
    expect(station.ports.map((each) => portLoadKw(each, world.now))).toEqual([2, 2]);
  });
});

test("5,000 stations: most are two-port pedestals, all have a place, a group and a serial of their own", () => {
  const { world } = makeWorld({ stations: 5000, quiet: true });
  expect(world.findStation("1:105000")?.name).toMatch(/ \/ /);
  const all = world.stations.length;
  expect(all).toBeGreaterThan(5000);
  for (const key of ["id", "serial", "mac"] as const) {
    expect(new Set(world.stations.map((station) => station[key])).size).toBe(all);
  }
  const named = world.stations.map(
    ({ site, organisation, name }) => `${site.city} ${organisation.id} ${name}`,
  );
  expect(new Set(named).size).toBe(all);
  const twoPort = world.stations.filter((station) => station.ports.length === 2);
  expect(twoPort.length).toBeGreaterThan(3500);
  expect(world.stations.slice(0, 7).every((station) => station.ports.length === 2)).toBe(true);
  const roots = world.groups.filter((group) => group.name === "All stations");
  expect(roots.flatMap((group) => world.stationsOf(group)).length).toBe(5054);
});
