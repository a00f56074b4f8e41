import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../helpers/mosquitto.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const registry = [
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Min,Max",
  "limit,memory(7),FakeRegister,1,float,kW,,TRUE,0,50",
  "load,memory(2),FakeRegister,1,float,kW,,FALSE,,",
  "",
].join("\n");

interface Entry {
  readonly time: string;
  readonly target: string;
  readonly [key: string]: unknown;
}

describe("voltbridge audit", () => {
  let place: Workplace;
  let log: string[];
  const audit = (...args: string[]) => cli(["audit", ...args, "--config", place.at("configs/bridge.json")]);
  const entries = async (...args: string[]): Promise<Entry[]> => {
    const { code, stdout, stderr } = await audit(...args, "--json");
    expect([code, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout);
  };

  beforeAll(async () => {
    const port = await freePort();
    const device = { driver_type: "fake", registry_config: "config://fake.csv", interval: 1 };
    place = new Workplace({
      "configs/bridge.json": { mqtt: { embedded: { port } }, actuator: { confirm_timeout: 1 } },
      "configs/devices/lab/one.json": { ...device, driver_config: {} },
      "configs/devices/lab/one-two.json": { ...device, driver_config: { fail: ["limit"] } },
      "registry/fake.csv": registry,
    });
    const bridge = new RunningCli(["run", "--config", place.at("configs/bridge.json")]);
    await bridge.printed(/connected to/);
    const ask = (...args: string[]) => cli([...args, "--url", `mqtt://127.0.0.1:${port}`]);
    await ask("set", "lab/one/limit", "4", "--requester", "ems");
    await ask("set", "lab/one/limit", "5");
    await ask("set", "lab/one/limit", "99", "--requester", "ems");
    await ask("set", "lab/one/load", "1");
    await ask("set", "lab/one-two/limit", "1");
    await ask("revert", "lab/one", "--requester", "ems");
    log = (await bridge.stop()).stderr.split("\n");
  });
  afterAll(() => place.remove());

  test("E22: each attempt: who, by which way, what, from → to, answer, latency, command id; refused and failed ones too", async () => {
    const all = await entries();
    expect(all).toMatchObject([
      {
        target: "lab/one/limit",
        requester: "ems",
        via: "mqtt",
        action: "set",
        requested: 4,
        status: "confirmed",
      },
      { target: "lab/one/limit", requester: "cli", from: 4, requested: 5, status: "confirmed", readBack: 5 },
      { target: "lab/one/limit", from: 5, requested: 99, status: "refused", error: "InvalidValueError" },
      { target: "lab/one/load", requested: 1, status: "refused", error: "PointReadOnlyError" },
      {
        target: "lab/one-two/limit",
        requested: 1,
        status: "failed",
        text: expect.stringContaining("set to fail"),
      },
      { target: "lab/one", action: "revert", requester: "ems", status: "confirmed" },
    ]);
    for (const { id, tookMs, time } of all)
      expect([typeof id, typeof tookMs, Number.isNaN(Date.parse(time))]).toEqual(["string", "number", false]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  test("each attempt is a line of the log: what, how it ended, who, by which way, command id", async () => {
    const lines = log.filter((line) => / devices: (set|revert) /.test(line));
    const all = await entries();
    expect(lines).toHaveLength(all.length);
    for (const [index, { id, requester, via }] of all.entries())
      expect(lines[index]).toMatch(new RegExp(` requester=${requester} via=${via} id=${id}( |$)`));
    const words = lines.map((line) => line.replace(/.* devices: /, "").replace(/ requester=.*/, ""));
    expect(words.slice(0, 3)).toEqual([
      "set lab/one/limit to 4: confirmed",
      "set lab/one/limit to 5: confirmed",
      expect.stringMatching(
        /^set lab\/one\/limit to 99: refused: InvalidValueError: 99 is not a valid value /,
      ),
    ]);
    expect(words[5]).toBe("revert lab/one: confirmed");
  });

  test("one device or point, requester, status, time and count narrow it down", async () => {
    const all = await entries();
    const targets = async (...args: string[]) => (await entries(...args)).map(({ target }) => target);
    expect(await targets("lab/one")).toEqual([
      ...["lab/one/limit", "lab/one/limit", "lab/one/limit", "lab/one/load", "lab/one"],
    ]);
    expect(await targets("lab/one/load")).toEqual(["lab/one/load"]);
    expect(await targets("lab/o.e")).toEqual([]);
    expect(await targets("--requester", "ems", "--status", "refused")).toEqual(["lab/one/limit"]);
    expect(await targets("--count", "2")).toEqual(["lab/one-two/limit", "lab/one"]);
    expect(await targets("--start", all[3]!.time, "--end", all[5]!.time)).toEqual([
      ...["lab/one/load", "lab/one-two/limit"],
    ]);
    expect((await audit("nowhere")).stderr).toBe("no write attempts found\n");
    expect((await audit("--status", "done")).code).toBe(2);
    expect((await audit("--start", "yesterday")).code).toBe(2);
  });

  test("a table for people, CSV for spreadsheets", async () => {
    const table = (await audit("lab/one/limit")).stdout.split("\n");
    expect(table[0]).toMatch(/^time +requester +via +target +change +status +code +ms +command +text$/);
    expect(table[3]).toMatch(/ cli +mqtt +lab\/one\/limit +4 → 5 +confirmed +– +\d+ +[\w-]{36}/);
    const csv = (await audit("--csv")).stdout.split("\r\n");
    expect(csv[0]).toBe(
      "time,target,requester,via,action,from,requested,status,readBack,code,error,text,tookMs,id",
    );
    expect(csv).toHaveLength(8);
    expect(csv[3]).toMatch(/lab\/one\/limit,ems,mqtt,set,5,99,refused,,,InvalidValueError,"/);
  });
});
