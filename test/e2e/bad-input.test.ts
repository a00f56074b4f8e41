import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli } from "../cli/in-process.ts";
import { freePort, Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";
import { type CliResult, RunningVoltbridge } from "../helpers/voltbridge.ts";

/** Secrets that must never be seen again; parts of them neither. */
const CANARY = {
  username: "licence-canary-4b90fc0ae5fe8b6628e50af1215d",
  password: "pass-canary/&<ö+7bdf831e2648",
  otherUsername: "other-canary-a17c93d2f0b14f5c",
  otherPassword: "wrong-canary-5f7e2c11",
  broker: "broker-canary-9d3c0a",
};

/** In the manner of the registry that comes with VOLTTRON's driver: its columns, its types, its duplicates. */
const VOLTTRON_REGISTRY = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes
stationID,stationID,StationRegister,,string,,,FALSE,
stationModel,stationModel,StationRegister,,string,,,FALSE,
Lat,Lat,StationRegister,,float,Latitude Coordinate,,FALSE,
startTime,startTime,StationRegister,,datetime,,,FALSE,
endTime,endTime,StationRegister,,datetime,,,FALSE,
Status,Status,StationStatusRegister,1,string,,,FALSE,"AVAILABLE, INUSE, UNREACHABLE, UNKNOWN"
TimeStamp,TimeStamp,StationStatusRegister,1,datetime,,,FALSE,
shedState,shedState,LoadRegister,1,integer,0 or 1,0,TRUE,True when load shed limits are in place
portLoad,portLoad,LoadRegister,1,float,kw,,FALSE,
allowedLoad,allowedLoad,LoadRegister,1,float,kw,,TRUE,Allowed load in kw when shedState is True
percentShed,percentShed,LoadRegister,1,integer,percent,,TRUE,Percent of load to shed
alarmType,alarmType,AlarmRegister,,string,,,FALSE,
clearAlarms,clearAlarms,AlarmRegister,,int,,0,TRUE,Sends the clear alarms query
stationRightsProfile,stationRightsProfile,StationRightsRegister,,dictionary,,,FALSE,
sessionID,sessionID,ChargingSessionRegister,1,string,,,FALSE,
startTime,startTime,ChargingSessionRegister,1,datetime,,,FALSE,
endTime,endTime,ChargingSessionRegister,1,datetime,,,FALSE,
Energy,Energy,ChargingSessionRegister,1,float,kWh,,FALSE,
`;

/** The same columns: one row cannot be used, one value cannot be read. */
const FAULTY_REGISTRY = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes
portLoad,portLoad,LoadRegister,1,float,kw,,FALSE,
typo,portLaod,LoadRegister,1,float,kw,,FALSE,
strange,portLoad,LoadRegister,2,flaot,kw,,FALSE,
`;

const FAKE_REGISTRY = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes
limit,memory(7.2),FakeRegister,,float,kW,,TRUE,
`;

type All = [values: Record<string, unknown>, ...unknown[]];

// One story over one bridge: each test goes on where the one before it ended.
describe.skipIf(!mosquittoInstalled)(
  "a bridge among bad files, bad accounts and servers that come and go",
  () => {
    let simulatorPort: number;
    let simulator: Simulator;
    let broker: Mosquitto;
    let site: Site;
    let bridge: RunningVoltbridge;
    let recorder: Recorder;
    /** All that was printed, by whomever, for the search at the end. */
    const printed: CliResult[] = [];
    const writes: string[] = [];

    const startService = async () => {
      simulator = await startSimulator({
        port: simulatorPort,
        stations: 4,
        traffic: false,
        incidents: false,
        username: CANARY.username,
        password: CANARY.password,
      });
      simulator.world.plugIn(simulator.stationIDs[0]!, "1", { kw: 7.2, needKwh: 500 });
    };
    const stopService = async () => {
      writes.push(...writesSeen());
      await simulator.close();
    };
    /** Operations by which a station or its alarms are changed, since the service started. */
    const writesSeen = () =>
      simulator.calls.map(({ operation }) => operation).filter((name) => /^(shed|clear)/.test(name));
    const run = () => new RunningVoltbridge(["run", "--config", site.config, "--log-level", "debug"]);
    const command = async (args: string[], config = site.config) => {
      const result = await cli([...args, "--config", config]);
      printed.push(result);
      return result;
    };
    const kept = (ended: RunningVoltbridge, code: number | null) =>
      printed.push({ code, stdout: ended.stdout, stderr: ended.stderr });
    const all = (device: string, wanted: (values: All[0]) => boolean = () => true) =>
      recorder.find(
        `devices/${device}/all`,
        ({ text, retained }) => !retained && wanted((JSON.parse(text) as All)[0]),
        recorder.messages.length,
        15_000,
      );
    const availability = (device: string, wanted: string) =>
      recorder.find(
        `state/${device}/availability`,
        ({ text }) => text === wanted,
        recorder.messages.length,
        15_000,
      );

    beforeAll(async () => {
      simulatorPort = await freePort();
      await startService();
      broker = await Mosquitto.prepare();
      const { endpoint, stationIDs } = simulator;
      const [first, second, third, fourth] = stationIDs;
      site = new Site({
        endpoint,
        stationIDs: [second!],
        username: CANARY.username,
        password: CANARY.password,
        bridge: {
          mqtt: { url: broker.url, username: "someone", password: CANARY.broker },
          actuator: { confirm_timeout: 5 },
        },
      });
      site.write("registry/chargepoint.csv", VOLTTRON_REGISTRY);
      site.write("registry/faulty.csv", FAULTY_REGISTRY);
      site.write("registry/fake.csv", FAKE_REGISTRY);
      const login = { username: CANARY.username, password: CANARY.password, endpoint };
      // VOLTTRON's own keys and no other, but for the address of the service.
      site.write("configs/devices/site/chargepoint1.config", {
        driver_config: { stationID: first, ...login, cacheExpiration: 1 },
        driver_type: "chargepoint",
        registry_config: "config://chargepoint.csv",
        interval: 1,
        timezone: "US/Pacific",
        heart_beat_point: "heartbeat",
      });
      const device = (driver: Record<string, unknown>, registry: string, more = {}) => ({
        driver_type: "chargepoint",
        driver_config: { stationID: third, ...login, ...driver },
        registry_config: `config://${registry}`,
        interval: 1,
        ...more,
      });
      site.write("configs/devices/site/rows.json", device({}, "faulty.csv"));
      site.write(
        "configs/devices/site/value.json",
        device({ cacheExpiration: "soon" }, "faulty.csv", { interval: 0 }),
      );
      site.write("configs/devices/site/broken.json", '{ "driver_type": "chargepoint", ');
      site.write(
        "configs/devices/site/refused.json",
        device(
          { stationID: fourth, username: CANARY.otherUsername, password: CANARY.otherPassword },
          "faulty.csv",
        ),
      );
      site.write("configs/devices/site/fake.json", {
        driver_type: "fake",
        driver_config: { lease_seconds: 600 },
        registry_config: "config://fake.csv",
        interval: 1,
      });
      await stopService();
    });

    afterAll(async () => {
      await bridge?.stop("SIGKILL");
      await recorder?.close();
      await broker?.dispose();
      await simulator?.close();
      site?.remove();
    });

    test("H6: it starts with broker and service away, says so once, and goes on", async () => {
      bridge = run();
      await bridge.printed(/running devices=5/);
      await bridge.printed(/cannot connect to mqtt:\/\/127\.0\.0\.1/);
      await bridge.printed(/site\/s1.*ECONNREFUSED|ECONNREFUSED.*site\/s1/);
      await startService();
      await expect.poll(() => simulator.calls.length, { timeout: 10_000 }).toBeGreaterThan(10);
    });

    test("H6: and publishes when the broker comes", async () => {
      await broker.start();
      recorder = await Recorder.connect(broker.url);
      await all("site/s1");
      await all("site/chargepoint1");
      expect(bridge.stderr.match(/cannot connect to mqtt/g)).toHaveLength(1);
    });

    test("F1: every problem of the files is told at its place, VOLTTRON's duplicates as warnings", () => {
      const diagnostics = bridge.stderr.match(/^\S+:\d+:\d+: (error|warning) \[\w+\].*$/gm)!;
      const told = diagnostics.map((line) =>
        line.replace(/^.*\/(\S+?):(\d+):\d+: (\w+) \[(\w+)\].*$/, "$1:$2 $3 $4"),
      );
      expect(told.sort()).toEqual([
        "broken.json:1 error bad_json",
        "chargepoint.csv:17 warning duplicate_point",
        "chargepoint.csv:18 warning duplicate_point",
        "chargepoint1.config:1 warning heartbeat_not_in_registry",
        "faulty.csv:3 error unknown_attribute",
        "faulty.csv:4 error bad_type",
        "value.json:11 error out_of_range",
        "value.json:8 error wrong_type",
      ]);
      expect(bridge.stderr).toMatch(
        /warn {2}started without the devices and rows that have errors: 5 problems above/,
      );
    });

    test("F1: VOLTTRON's files load unchanged: its points, the later of two rows, its time zone", async () => {
      const message = await all("site/chargepoint1");
      const [values, metadata] = JSON.parse(message.text) as [
        All[0],
        Record<string, { tz: string; units: string }>,
      ];
      expect(values).toMatchObject({
        stationID: simulator.stationIDs[0],
        Status: "INUSE",
        portLoad: 7.2,
        shedState: 0,
        clearAlarms: 0,
        endTime: null,
        startTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      });
      expect(Object.keys(values)).toHaveLength(17);
      expect(metadata.portLoad).toEqual({ units: "kw", type: "float", tz: "US/Pacific" });
    });

    test("F8: a bad file, row or value stops only its device or row", async () => {
      const message = await all("site/rows");
      expect((JSON.parse(message.text) as All)[0]).toEqual({ portLoad: 0 });
      const devices = new Set(recorder.messages.map(({ topic }) => /^devices\/(.+)\/all$/.exec(topic)?.[1]));
      devices.delete(undefined);
      expect([...devices].sort()).toEqual(["site/chargepoint1", "site/fake", "site/rows", "site/s1"]);
    });

    test("C11: refused credentials: one message with account, service and remedy; the other account goes on", async () => {
      const lines = bridge.stderr
        .match(/^.*does not accept the credentials.*$/gm)!
        .filter((line) => / error /.test(line));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`account ${CANARY.otherUsername.slice(0, 8)}… at ${simulator.endpoint}`);
      expect(lines[0]).toContain("check the API licence key and API password");
      expect(lines[0]).toContain("retries continue with growing pauses");
      const state = await recorder.find("state/site/refused/availability");
      expect(state.text).toBe("offline");

      const asked = () => simulator.calls.filter(({ account }) => account === null).length;
      const before = asked();
      await all("site/s1");
      await all("site/s1");
      await all("site/s1");
      expect(asked() - before).toBeLessThanOrEqual(1);
      expect(recorder.on("state/site/s1/availability").at(-1)?.text).toBe("online");
    });

    test("E8: no Starting Value is written at start", () => {
      expect(writesSeen()).toEqual([]);
    });

    test("A22: a second bridge on the data folder is refused and names the first, which goes on", async () => {
      const { code, stderr } = await command(["run"]);
      expect(stderr).toMatch(
        new RegExp(
          `data folder ${site.data} is in use by process ${bridge.pid} .*"data" in the bridge config`,
        ),
      );
      // Not 78, after which a service is not restarted: the other one may end.
      expect(code).toBe(1);
      await all("site/s1");
    });

    test("a port for the embedded broker that is taken: the setting's name, and 1", async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as { port: number };
      site.write("configs/embedded.json", {
        devices: "devices",
        data: "../embedded-data",
        mqtt: { embedded: { port } },
      });
      const result = await command(["run"], join(site.folder, "configs/embedded.json"));
      expect(result.stderr).toMatch(new RegExp(`mqtt\\.embedded: port ${port} on 127\\.0\\.0\\.1 is taken`));
      expect(result.code).toBe(1);
      server.close();
    });

    test("the heartbeat that the registry lacks toggles 0 and 1 with every scrape", async () => {
      const scrapes = () => recorder.on("devices/site/chargepoint1/all").filter(({ retained }) => !retained);
      await expect.poll(() => scrapes().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(4);
      const beats = scrapes().map(({ text }) => (JSON.parse(text) as All)[0].heartbeat);
      const [one, other] = beats;
      expect([one, other].sort()).toEqual([0, 1]);
      expect(beats).toEqual(beats.map((_, i) => (i % 2 === 0 ? one : other)));
    });

    test("G1: troubles of every kind, told to everybody", async () => {
      const { trouble } = simulator;
      // A service that tells secrets in its faults. Calls may be for many stations, so the troubles name none.
      const text = `no user ${CANARY.username} with ${CANARY.password}`;
      const fault = { kind: "fault", code: "soap:Server", text } as const;
      const endAlarms = trouble.begin({ operation: "getAlarms", effect: fault });
      // With no answer of the present the device is offline: the alarms fail before the others.
      await all("site/chargepoint1", (values) => !("alarmType" in values) && values.portLoad === 7.2);
      await command(["get", "site/chargepoint1/alarmType", "--json"]);
      endAlarms();
      await all("site/chargepoint1", (values) => "alarmType" in values);
      trouble.begin({ operation: "getLoad", effect: fault });
      trouble.begin({ operation: "getStationStatus", effect: { kind: "code", code: "102", text } });
      trouble.begin({ operation: "shedLoad", effect: fault });
      const missing = ["portLoad", "Status"];
      await all("site/chargepoint1", (values) => missing.every((point) => !(point in values)));
      const results = await Promise.all([
        command(["set", "site/chargepoint1/allowedLoad", "4"]),
        command(["get", "site/chargepoint1/portLoad", "--json"]),
        command(["scrape", "site/refused", "--log-level", "debug"]),
        command(["scrape", "site/chargepoint1", "--log-level", "debug", "--json"]),
        command(["check", "--json"]),
        command(["status", "--json"]),
      ]);
      expect(results.map(({ code }) => code)).toEqual([1, 1, 1, 0, 1, 0]);
      expect(results[0]!.stdout).toMatch(/^failed: .*\n.*no user \*\*\*/);
      trouble.end();
      await all("site/chargepoint1", (values) => values.portLoad === 7.2);
    });

    test("A1: the broker goes and comes back: scrapes go on, and so does publishing", async () => {
      const from = bridge.stderr.length;
      await broker.stop();
      const calls = simulator.calls.length;
      await expect.poll(() => simulator.calls.length, { timeout: 10_000 }).toBeGreaterThan(calls + 10);
      await broker.start();
      await all("site/s1");
      const told = bridge.stderr.slice(from).match(/^.*(warn |error|info ) mqtt: .*$/gm) ?? [];
      expect(told.length, told.join("\n")).toBeLessThanOrEqual(3);
    });

    test("C1, H3: the service goes and comes back: offline, no value made up, online", async () => {
      await stopService();
      await availability("site/s1", "offline");
      const offlineAt = recorder.messages.length;
      await startService();
      await availability("site/s1", "online");
      const meanwhile = recorder.messages.slice(offlineAt);
      const online = meanwhile.findIndex(
        ({ topic, text }) => topic === "state/site/s1/availability" && text === "online",
      );
      expect(meanwhile.slice(0, online).filter(({ topic }) => topic === "devices/site/s1/all")).toEqual([]);
      const { text } = await recorder.find("devices/site/s1/all", undefined, offlineAt + online);
      expect((JSON.parse(text) as All)[0]).toMatchObject({ Status_1: "AVAILABLE", shedState_1: 0 });
    });

    test("E7, E8: killed and started again: what stands stays set, what does not is told, nothing is written", async () => {
      const set = await command(["set", "site/chargepoint1/allowedLoad", "3.5", "--json"]);
      expect(JSON.parse(set.stdout)).toMatchObject({ status: "confirmed", readBack: 3.5 });
      await command(["set", "site/fake/limit", "4.5"]);
      const before = writesSeen().length;
      kept(bridge, await bridge.stop("SIGKILL"));

      bridge = run();
      await bridge.printed(/running devices=5/);
      const message = await all("site/chargepoint1");
      expect((JSON.parse(message.text) as All)[0]).toMatchObject({
        shedState: 1,
        allowedLoad: 3.5,
        portLoad: 3.5,
      });
      // The fake station forgot it with the process: what is not in force any more is told, and not written again.
      await bridge.printed(/site\/fake\/limit = 4\.5 .* is no longer in force/);
      expect(writesSeen()).toHaveLength(before);
      const { code } = await command(["revert", "site/chargepoint1/allowedLoad"]);
      expect(code).toBe(0);
      await all("site/chargepoint1", (values) => values.shedState === 0 && values.portLoad === 7.2);
      expect(writesSeen().slice(before)).toEqual(["clearShedState"]);
    });

    test("it ends with 0, and says offline", async () => {
      const offline = recorder.find(
        "voltbridge/test/state",
        ({ text }) => text === "offline",
        recorder.messages.length,
      );
      const code = await bridge.stop("SIGTERM");
      kept(bridge, code);
      expect(code).toBe(0);
      await offline;
    });

    test("G1: no secret was printed, published or stored, in any form", () => {
      const seen: [where: string, text: string][] = [
        ...printed.map(({ stdout, stderr }, i): [string, string] => [`output ${i}`, stdout + stderr]),
        ...recorder.messages.map(({ topic, text, properties }): [string, string] => [
          topic,
          `${topic} ${text} ${JSON.stringify(properties)}`,
        ]),
        ...readdirSync(site.data).map((name): [string, string] => [
          name,
          readFileSync(join(site.data, name), "latin1"),
        ]),
      ];
      expect(seen.length).toBeGreaterThan(100);
      expect(printed.map(({ stderr }) => stderr).join("")).toContain(" debug ");
      const leaks = Object.values(CANARY).flatMap((secret) =>
        formsOf(secret).flatMap((form) =>
          seen.flatMap(([where, text]) => {
            const at = text.indexOf(form);
            return at < 0 ? [] : [`${where}: …${text.slice(Math.max(0, at - 60), at + form.length)}`];
          }),
        ),
      );
      expect([...new Set(leaks)]).toEqual([]);
    });
  },
);

/** A secret plain, as bytes read one by one, URL-encoded, as XML, in JSON, in base64 at every offset; and what makes it one. */
function formsOf(secret: string): string[] {
  const core = /canary-?[^/&]*$/.exec(secret)?.[0] ?? secret;
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]).toString("base64");
    return text.slice(before === 0 ? 0 : 4, -4);
  });
  return [
    secret,
    core,
    Buffer.from(secret).toString("latin1"),
    encodeURIComponent(secret),
    secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;"),
    JSON.stringify(secret).slice(1, -1),
    ...base64,
  ];
}
