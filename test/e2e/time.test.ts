import { describe, expect, type TestContext, test } from "vitest";
import { ClockSite, type ClockSiteOptions, type Heard } from "../helpers/clock-site.ts";
import { hasFaketime } from "../helpers/faketime.ts";
import { BLOCK_MS } from "../helpers/loop-blocker.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";

const HOUR = 3600;
const POINT = "site/s1/allowedLoad_1";
const SET = `devices/actuators/set/${POINT}`;

/** Seconds from now to a moment. */
const until = (moment: string) => Math.round((Date.parse(moment) - Date.now()) / 1000);
/** Milliseconds between neighbours. */
const steps = (times: readonly number[]) => times.slice(1).map((time, i) => time - times[i]!);
const arrivals = (heard: readonly Heard[]) => heard.map(({ at }) => at);

/** Several rigs at a time, each with processes that are to end with this one. */
process.setMaxListeners(40);

async function start({ onTestFinished }: TestContext, options: ClockSiteOptions = {}): Promise<ClockSite> {
  const rig = await ClockSite.start(options);
  onTestFinished(() => rig.end());
  return rig;
}

const possible = mosquittoInstalled && hasFaketime();

/** The bridge's own process, whose wall clock is set while it runs; broker, service and test keep the true time. */
describe.skipIf(!possible)("the clock, from outside", { timeout: 60_000, concurrent: true }, () => {
  test("D3: set while running, by an hour, to 1970, to 2040: no interval and no override gets longer or shorter", async (context) => {
    const rig = await start(context);
    for (const [way, offset] of [
      ["forward", HOUR],
      ["back", -HOUR],
      ["back", until("1970-01-01T00:10:00Z")],
      ["forward", until("2040-01-01T00:00:00Z")],
    ] as const) {
      await rig.call("set_override_on", ["site/s2", 1.5, false]);
      const begun = Date.now();
      const from = rig.ear.messages.length;
      rig.setClock(offset);
      expect((await rig.event("clock_jump", from)).text).toContain(`set ${way} by`);
      const over = await rig.event("override_off", from);
      expect(Math.abs(over.at - begun - 1500)).toBeLessThan(1000);
      for (const path of ["site/s1", "site/s2"]) {
        const heard = await rig.hears(path, 3, from);
        // The one that was due goes on, the next ones are aligned to the new time: no burst, no stop.
        for (const step of steps(arrivals(heard))) expect(Math.abs(step - 1000)).toBeLessThan(700);
        const { taken, at } = heard.at(-1)!;
        expect(Math.abs(taken - at - offset * 1000)).toBeLessThan(2000);
      }
    }
  });

  test("D4: started in 1970, set later: nothing is stored at 1970, what is published says so, scrapes go on", async (context) => {
    const rig = await start(context, { offset: until("1970-01-01T00:00:20Z") });
    const before = await rig.hears("site/s1", 2, 0);
    for (const { headers } of before) expect(headers).toMatchObject({ ClockNotSet: true });
    expect((await rig.event("clock_not_set", 0)).text).toContain("run NTP");
    // How old a command is cannot be told; one that does not say is carried out.
    const aged = { value: 3, expires_at: new Date(Date.now() + 60_000).toISOString() };
    await rig.ear.send(SET, JSON.stringify(aged));
    const refused = await rig.ear.json(`devices/actuators/error/${POINT}`);
    expect(refused).toMatchObject({ type: "CommandExpiredError", status: "refused" });

    const from = rig.ear.messages.length;
    const fixedAt = Date.now();
    rig.setClock(0);
    await rig.event("clock_jump", from);
    const after = (await rig.hears("site/s1", 4, from)).filter(({ taken }) => taken > fixedAt);
    for (const { headers } of after) expect(headers).not.toHaveProperty("ClockNotSet");
    for (const step of steps(arrivals(after))) expect(Math.abs(step - 1000)).toBeLessThan(700);
    const stored = await rig.stored(POINT);
    expect(stored.length).toBeGreaterThanOrEqual(2);
    for (const time of stored) expect(time).toBeGreaterThan(fixedAt);
  });

  for (const [name, how] of [
    ["D2: stopped", "stopped"],
    ["D6: blocked", "blocked"],
  ] as const)
    test(`${name} for some seconds: one scrape each at most to catch up, spread and aligned again; commands are judged by their age`, async (context) => {
      // Half the interval, so that a loop which is slow after the block does not reach both devices at once.
      const spread = 1000;
      const driver = { driver_scrape_interval: spread / 1000 };
      const bridge = { actuator: { max_command_age: 3 }, driver };
      const rig = await start(context, { intervalSeconds: 2, bridge });
      const from = rig.ear.messages.length;
      await rig.hold(how, BLOCK_MS, async () => {
        await rig.ear.send(SET, JSON.stringify({ headers: { time: new Date().toISOString() }, message: 3 }));
        await rig.ear.send(SET, "4");
      });
      const back = Date.now();
      for (const value of [3, 4]) {
        const said = ({ text }: { text: string }) => JSON.parse(text).requested === value;
        const refused = await rig.ear.json(`devices/actuators/error/${POINT}`, said);
        expect(refused).toMatchObject({ type: "CommandExpiredError", status: "refused" });
      }
      const caughtUp: number[] = [];
      for (const [path, offset] of [
        ["site/s1", 0],
        ["site/s2", spread],
      ] as const) {
        const heard = (await rig.hears(path, 3, from)).filter(({ at }) => at >= back - 500);
        // One to catch up, then the aligned ones: none for those that were missed.
        expect(heard.filter(({ at }) => at < back + 1800).length).toBeLessThanOrEqual(2);
        // By the bridge's own time: that of arrival is one where this process was busy.
        caughtUp.push(heard[0]!.taken);
        for (const { taken } of heard.slice(1)) expect((taken - offset) % 2000).toBeLessThan(700);
      }
      const [first, second] = caughtUp as [number, number];
      // The second comes after the spread, or at its own aligned time where that is earlier.
      expect(second - first > 150 || (second - spread) % 2000 < 150, `${first} ${second}`).toBe(true);
      expect(rig.simulator.calls.filter(({ operation }) => operation === "shedLoad")).toEqual([]);
    });

  for (const [timezone, spring, autumn] of [
    ["Europe/Berlin", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"],
    ["America/St_Johns", "2026-03-08T05:30:00Z", "2026-11-01T04:30:00Z"],
  ] as const)
    test(`D5: ${timezone}: over both changes values are stored in UTC, none missing, none twice`, async (context) => {
      const rig = await start(context, { timezone });
      for (const change of [spring, autumn]) {
        const from = rig.ear.messages.length;
        rig.setClock(until(change) - 2);
        await rig.event("clock_jump", from);
        for (let times = 1; ; times++) {
          const { taken } = (await rig.hears("site/s1", times, from)).at(-1)!;
          if (taken > Date.parse(change) + 1500) break;
        }
      }
      const stored = await rig.stored(POINT);
      for (const change of [spring, autumn]) {
        const around = stored.filter((time) => Math.abs(time - Date.parse(change)) < 1900);
        expect(around.length).toBeGreaterThanOrEqual(3);
        expect(new Set(around.map((time) => Math.floor(time / 1000))).size).toBe(around.length);
        for (const step of steps(around)) expect(Math.abs(step - 1000)).toBeLessThan(700);
      }
    });
});
