import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { request } from "../../src/mqtt/index.ts";
import type { Write } from "../../src/points/index.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { AT, connected, HEADERS, PATH, type Rig, STATION, scrape, startRig } from "./rig.ts";

const META = { units: "kW", type: "float", tz: "UTC" };
const TEXT_META = { units: "", type: "string", tz: "UTC" };
const ALL_META = { portLoad: META, allowedLoad: META, status: TEXT_META };
const READING = { portLoad: 6.6, allowedLoad: 0, status: null, driverName: "Ann Example" };

const LINKS = [
  { name: "Mosquitto, MQTT 5", protocolVersion: 5, broker: "mosquitto" },
  { name: "Mosquitto, MQTT 3.1.1", protocolVersion: 4, broker: "mosquitto" },
  { name: "embedded broker", protocolVersion: 5, broker: "embedded" },
] as const;

for (const link of LINKS) {
  describe.skipIf(link.broker === "mosquitto" && !mosquittoInstalled)(`over ${link.name}`, () => {
    let mosquitto: Mosquitto | undefined;
    let rig: Rig;
    let ear: Recorder;

    beforeAll(async () => {
      if (link.broker === "mosquitto") mosquitto = await Mosquitto.run();
      rig = await startRig(
        mosquitto
          ? { url: mosquitto.url, protocolVersion: link.protocolVersion }
          : { embedded: { host: "127.0.0.1", port: 0 } },
      );
      await connected(rig.mqtt);
      ear = await Recorder.connect(rig.mqtt.url, { protocolVersion: link.protocolVersion });
    });

    afterEach(() => {
      rig.commands.calls.length = 0;
      rig.commands.outcome = {};
      rig.commands.value = 6.6;
      rig.commands.gate = () => Promise.resolve();
    });

    afterAll(async () => {
      await ear?.close();
      await rig?.mqtt.stop();
      await mosquitto?.dispose();
    });

    test("H2: birth, info and heartbeat are there for who comes later", async () => {
      expect((await ear.find("voltbridge/bridge-1/state")).text).toBe("online");
      expect((await ear.find("voltbridge/bridge-1/state")).retained).toBe(true);
      expect(await ear.json("voltbridge/bridge-1/info")).toEqual({
        instance: "bridge-1",
        version: "1.2.3",
        startedAt: AT.toISOString(),
        devices: [PATH],
        requester: "message",
      });
      const health = await ear.json("voltbridge/bridge-1/health");
      expect(health).toMatchObject({
        status: "STARTING",
        devices: { unknown: 1, online: 0 },
        mqtt: { refused: 0 },
      });
    });

    test("the VOLTTRON view: every topic with its payload", async () => {
      rig.bus.emit("scrape", scrape(STATION, READING));
      const values = { portLoad: 6.6, allowedLoad: 0, status: null };
      const all = [values, ALL_META, HEADERS];
      expect(await ear.json(`devices/${PATH}/all`)).toEqual(all);
      expect(await ear.json("devices/all/station-1/garage/pnnl")).toEqual(all);
      expect(await ear.json(`devices/${PATH}/portLoad`)).toEqual([6.6, META, HEADERS]);
      expect(await ear.json("devices/portLoad/station-1/garage/pnnl")).toEqual([6.6, META, HEADERS]);
      expect(await ear.json(`devices/${PATH}/status`)).toEqual([null, TEXT_META, HEADERS]);
      expect(ear.messages.some((message) => message.text.includes("Ann Example"))).toBe(false);
    });

    test("the state view: retained, with every published point", async () => {
      rig.bus.emit("scrape", scrape(STATION, { allowedLoad: 3.5, portLoad: 1 }));
      rig.bus.emit("availability", { device: STATION, availability: "online", since: AT });
      await ear.find(`state/${PATH}/allowedLoad`, (message) => message.text === "3.5");
      await ear.find(`state/${PATH}/availability`, (message) => message.text === "online");
      const later = await Recorder.connect(rig.mqtt.url, { protocolVersion: link.protocolVersion });
      const state = await later.find(`state/${PATH}`);
      expect(state.retained).toBe(true);
      expect(JSON.parse(state.text)).toEqual({
        observedAt: AT.toISOString(),
        quality: "good",
        ends: {},
        portLoad: 1,
        allowedLoad: 3.5,
        status: null,
      });
      expect((await later.find(`state/${PATH}/status`)).text).toBe("null");
      expect((await later.find(`state/${PATH}/availability`)).text).toBe("online");
      await later.close();
      const beat = await ear.find("heartbeat/bridge-1", (message) => message.text.includes("GOOD"));
      const time = HEADERS.TimeStamp;
      expect(JSON.parse(beat.text)).toEqual(["GOOD", {}, { Date: time, TimeStamp: time }]);
    });

    test("a notice becomes an event", async () => {
      const notice = {
        severity: "warning",
        kind: "scrape_skipped",
        text: "late",
        at: AT,
        device: PATH,
      } as const;
      rig.bus.emit("notice", notice);
      expect(await ear.json("voltbridge/bridge-1/event")).toEqual({ ...notice, at: AT.toISOString() });
    });

    test("E22: an attempted write is announced, and how it ended", async () => {
      const write: Write = {
        ...{ id: "w1", requester: "ann", via: "mqtt", device: STATION, point: "allowedLoad" },
        ...{ action: "set" as const, at: AT, requested: 16, from: 0 },
      };
      const ended = {
        status: "failed",
        code: "177",
        text: "too much",
        error: "ApiError",
        tookMs: 12,
      } as const;
      rig.bus.emit("write", write);
      rig.bus.emit("write", { ...write, ...ended });
      const topic = `devices/actuators/write/${PATH}/allowedLoad`;
      expect(await ear.json(topic)).toEqual([
        16,
        META,
        { time: HEADERS.TimeStamp, requesterID: "ann", id: "w1", action: "set", via: "mqtt", from: 0 },
      ]);
      const { error: type, ...told } = ended;
      expect(await ear.json(topic, ({ text }) => text.includes("tookMs"))).toEqual([
        ...[16, META],
        {
          ...{ time: HEADERS.TimeStamp, requesterID: "ann", id: "w1" },
          action: "set",
          via: "mqtt",
          from: 0,
          type,
          ...told,
        },
      ]);
      expect(ear.on(topic)).toHaveLength(2);
    });

    test("E5: a bare set as VOLTTRON sends it is carried out and answered", async () => {
      const from = ear.messages.length;
      await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, "16.5");
      const [value, meta, headers] = (await ear.json(
        `devices/actuators/value/${PATH}/allowedLoad`,
        undefined,
        from,
      )) as [number, object, Record<string, unknown>];
      expect([value, meta]).toEqual([16.5, META]);
      expect(headers).toMatchObject({
        ...{ time: HEADERS.TimeStamp, requesterID: "mqtt", status: "confirmed", requested: 16.5 },
        ...{ readBack: 16.5, code: "100", text: "Success", tookMs: 12 },
      });
      expect(rig.commands.calls).toMatchObject([
        {
          verb: "set",
          device: PATH,
          point: "allowedLoad",
          value: 16.5,
          command: { via: "mqtt", sentAt: AT },
        },
      ]);
    });

    test("the terms of a set reach the actuator, and its id the answer", async () => {
      const terms = {
        ...{ value: 0, id: "c-7", requester: "ann", expires_at: "2026-11-21T08:05:00Z" },
        duration_minutes: 30,
      };
      await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, JSON.stringify(terms));
      await ear.find(`devices/actuators/value/${PATH}/allowedLoad`, (message) =>
        message.text.includes('"c-7"'),
      );
      expect(rig.commands.calls[0]).toMatchObject({
        value: 0,
        command: {
          ...{ id: "c-7", requester: "ann", durationMinutes: 30 },
          expiresAt: new Date("2026-11-21T08:05:00Z"),
        },
      });
    });

    test("E5: VOLTTRON's envelope of headers and message", async () => {
      const headers = { requesterID: "platform.agent", id: "v-1", time: HEADERS.TimeStamp };
      await ear.send(
        `devices/actuators/set/${PATH}/allowedLoad`,
        JSON.stringify({ headers, message: false }),
      );
      await ear.find(`devices/actuators/value/${PATH}/allowedLoad`, (message) =>
        message.text.includes('"v-1"'),
      );
      expect(rig.commands.calls[0]).toMatchObject({
        value: false,
        command: { requester: "platform.agent", sentAt: AT },
      });
    });

    test("E13: a write that the service refused is an error, and no value", async () => {
      const from = ear.messages.length;
      rig.commands.outcome = { status: "failed", code: "179", text: "mode differs", error: "ApiError" };
      await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, '{"value":1,"id":"f-1"}');
      const error = await ear.json(`devices/actuators/error/${PATH}/allowedLoad`, undefined, from);
      expect(error).toMatchObject({
        ...{ type: "ApiError", value: "mode differs", id: "f-1", status: "failed", code: "179" },
      });
      const values = ear.messages.slice(from).filter((message) => message.topic.includes("/value/"));
      expect(values).toEqual([]);
    });

    test("get, and its failure", async () => {
      const from = ear.messages.length;
      await ear.send(`devices/actuators/get/${PATH}/portLoad`, "");
      const topic = `devices/actuators/value/${PATH}/portLoad`;
      const [value, meta] = (await ear.json(topic, undefined, from)) as unknown[];
      expect([value, meta]).toEqual([6.6, META]);

      rig.commands.value = Object.assign(new Error("no answer within 20 s"), { name: "TransportError" });
      await ear.send(`devices/actuators/get/${PATH}/portLoad`, '{"id":"g-2"}');
      const failure = await ear.json(`devices/actuators/error/${PATH}/portLoad`, undefined, from);
      expect(failure).toMatchObject({ type: "TransportError", value: "no answer within 20 s", id: "g-2" });
    });

    test("revert of a point and of a device", async () => {
      await ear.send(`devices/actuators/revert/point/${PATH}/allowedLoad`, "");
      await ear.send(`devices/actuators/revert/device/${PATH}`, "");
      for (const topic of [
        `devices/actuators/reverted/point/${PATH}/allowedLoad`,
        `devices/actuators/reverted/device/${PATH}`,
      ]) {
        const [value, meta, headers] = (await ear.json(topic)) as unknown[];
        expect([value, meta]).toEqual([null, {}]);
        expect(headers).toMatchObject({ status: "confirmed" });
      }
      expect(rig.commands.calls.map((call) => call.verb)).toEqual(["revertPoint", "revertDevice"]);
    });

    test("state/…/set takes the bare value and answers with every key", async () => {
      await ear.send(`state/${PATH}/status/set`, "not JSON at all");
      const result = await ear.json(`state/${PATH}/status/result`);
      expect(result).toEqual({
        ...{ id: expect.any(String), requested: "not JSON at all", status: "confirmed" },
        ...{ readBack: "not JSON at all", code: "100", text: "Success", tookMs: 12 },
      });
      const from = ear.messages.length;
      await ear.send(`state/${PATH}/nothing-there/set`, "");
      expect(await ear.json(`state/${PATH}/nothing-there/result`, undefined, from)).toMatchObject({
        ...{ status: "refused", requested: null, readBack: null, code: null, tookMs: null },
      });
    });

    test("unknown devices are answered with what may be meant", async () => {
      const answer = async (topic: string, path: string): Promise<unknown> => {
        await ear.send(topic, "1");
        return ear.json(`devices/actuators/error/${path}`);
      };
      const near = "pnnl/garage/staton-1/allowedLoad";
      expect(await answer(`devices/actuators/set/${near}`, near)).toMatchObject({
        type: "DeviceNotFoundError",
        value: `there is no device pnnl/garage/staton-1; did you mean "${PATH}"?`,
        status: "refused",
      });
      expect(await answer(`devices/actuators/set/${PATH}`, PATH)).toMatchObject({
        value: expect.stringContaining("names the device"),
      });
      expect(await answer("devices/actuators/set/lonely", "lonely")).toMatchObject({
        value: expect.stringContaining("names no device"),
      });
      expect(rig.commands.calls).toEqual([]);
    });

    test("E1: a retained set never acts, and is answered once", async () => {
      const topic = `devices/actuators/set/${PATH}/retained`;
      const isTold = link.protocolVersion === 5;
      await ear.send(topic, "0", { retain: true });
      // Only MQTT 5 tells those who listen already that it was sent to be kept; elsewhere it is a command like any other.
      if (isTold) await ear.find(`devices/actuators/error/${PATH}/retained`);
      else await ear.find(`devices/actuators/value/${PATH}/retained`);
      expect(rig.commands.calls.length === 0).toBe(isTold);
      rig.commands.calls.length = 0;
      const from = ear.messages.length;
      const second = await startRig(
        { url: rig.mqtt.url, protocolVersion: link.protocolVersion },
        { instance: "bridge-2" },
      );
      const error = await ear.json(`devices/actuators/error/${PATH}/retained`, undefined, from);
      expect(error).toMatchObject({
        type: "RetainedCommandError",
        value: expect.stringContaining("retained"),
      });
      expect(second.commands.calls).toEqual([]);
      await second.mqtt.stop();
      await ear.send(topic, "", { retain: true });
    });

    test.each([
      ["bad JSON", "{"],
      ["bad UTF-8", Buffer.from([0x22, 0xff, 0x22])],
      ["empty", ""],
      ["empty text", '""'],
      ["null", "null"],
      ["too large a number", "1e309"],
      ["__proto__", '{"__proto__":1}'],
      ["64 KB", `"${"x".repeat(65_536)}"`],
      ["deep nesting", "[".repeat(2000) + "]".repeat(2000)],
      ["a misspelt key", '{"value":1,"duration_minute":5}'],
      ["no minutes", '{"value":1,"duration_minutes":0.5}'],
    ])("E15, G3: %s is refused with a reason", async (_, payload) => {
      const from = ear.messages.length;
      await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, payload);
      const error = await ear.json(`devices/actuators/error/${PATH}/allowedLoad`, undefined, from);
      expect(error).toMatchObject({ type: "BadPayloadError", status: "refused", value: expect.any(String) });
      expect(rig.commands.calls).toEqual([]);
    });

    test("commands of one device keep their order; another device does not wait", async () => {
      const from = ear.messages.length;
      rig.devices.set("other/device", { ...STATION, path: "other/device" });
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      rig.commands.gate = (on) => (on === PATH ? held : Promise.resolve());
      for (const value of [1, 2, 3]) await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, `${value}`);
      await ear.send("devices/actuators/set/other/device/allowedLoad", "9");
      await ear.find("devices/actuators/value/other/device/allowedLoad");
      // Who carries them out keeps their order; it gets them at once, so that the last of several can win.
      expect(rig.commands.calls.map((call) => call.value)).toEqual([1, 2, 3, 9]);
      const topic = `devices/actuators/value/${PATH}/allowedLoad`;
      expect(ear.messages.slice(from).filter((message) => message.topic === topic)).toEqual([]);
      release();
      await ear.find(topic, (message) => message.text.startsWith("[3,"), from);
      rig.devices.delete("other/device");
    });

    test("E17: what is too much is refused with an answer", async () => {
      const from = ear.messages.length;
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      rig.commands.gate = () => held;
      await Promise.all(
        Array.from({ length: 1001 }, (_, i) =>
          ear.send(`devices/actuators/set/${PATH}/allowedLoad`, `{"value":${i + 1},"id":"s-${i}"}`),
        ),
      );
      const refused = await ear.json(`devices/actuators/error/${PATH}/allowedLoad`, undefined, from);
      expect(refused).toMatchObject({ type: "TooManyCommandsError", id: "s-1000" });
      rig.commands.gate = () => Promise.resolve();
      release();
      await ear.find(
        `devices/actuators/value/${PATH}/allowedLoad`,
        (message) => message.text.includes('"s-999"'),
        from,
      );
    });

    test("a client asks by request(): get, set, revert", async () => {
      const broker = { url: rig.mqtt.url, protocolVersion: link.protocolVersion, baseTopic: "" };
      const options = { broker, instance: "bridge-1", timeoutMs: 5000, requester: "cli" };
      const target = `${PATH}/allowedLoad`;
      const where = { device: PATH, point: "allowedLoad" };
      expect(await request({ action: "get", target }, options)).toMatchObject({ ...where, value: 6.6 });
      const set = await request({ action: "set", target, value: 8, durationMinutes: 15 }, options);
      expect(set).toMatchObject({ ...where, status: "confirmed", requested: 8, readBack: 8, code: "100" });
      expect(rig.commands.calls.at(-1)).toMatchObject({ command: { requester: "cli", durationMinutes: 15 } });
      await request({ action: "revert", target }, options);
      expect(rig.commands.calls.at(-1)).toMatchObject({ verb: "revertPoint", point: "allowedLoad" });
      await request({ action: "revert", target: PATH }, options);
      expect(rig.commands.calls.at(-1)).toMatchObject({ verb: "revertDevice", device: PATH });
      rig.commands.outcome = { status: "refused", error: "PointReadOnlyError", text: "read only" };
      expect(await request({ action: "set", target, value: 8 }, options)).toMatchObject({
        ...{ status: "refused", error: "PointReadOnlyError", text: "read only" },
      });
    });

    test("request() finds the version that a broker speaks", async () => {
      const broker = { url: rig.mqtt.url, protocolVersion: 5 as const, baseTopic: "" };
      const answer = await request(
        { action: "get", target: `${PATH}/portLoad` },
        { broker, timeoutMs: 5000 },
      );
      expect(answer).toMatchObject({ value: 6.6 });
    });

    test("the last word of a stop is offline", async () => {
      const second = await startRig(
        { url: rig.mqtt.url, protocolVersion: link.protocolVersion },
        { instance: "two" },
      );
      await connected(second.mqtt);
      await ear.find("voltbridge/two/state", (message) => message.text === "online");
      await second.mqtt.stop();
      await ear.find("voltbridge/two/state", (message) => message.text === "offline");
    });

    test("a command of an earlier run is answered on the topics of the note that was stored with it", async () => {
      const write: Write = {
        ...{ requester: "ann", via: "mqtt", device: STATION, point: "status", action: "set", at: AT },
        ...{ id: "earlier", requested: 5, readBack: 5, status: "confirmed", tookMs: 12 },
      };
      const correlationData = Buffer.from("x").toString("base64");
      const note = { view: "volttron", responseTopic: "answers/1", correlationData };
      rig.bus.emit("write", { ...write, replyTo: JSON.stringify(note) });
      const answer = {
        id: "earlier",
        action: "set",
        device: PATH,
        point: "status",
        status: "confirmed",
      };
      expect(await ear.json("answers/1")).toMatchObject(answer);
      const value = await ear.find(`devices/actuators/value/${PATH}/status`, ({ text }) =>
        text.includes("earlier"),
      );
      expect(JSON.parse(value.text)).toMatchObject([5, {}, { id: "earlier", requesterID: "ann" }]);
      rig.bus.emit("write", { ...write, replyTo: '{"view":"state"}' });
      const isOurs = ({ text }: { text: string }) => text.includes('"earlier"');
      const result = await ear.find(`state/${PATH}/status/result`, isOurs);
      expect(JSON.parse(result.text)).toMatchObject({ id: "earlier", readBack: 5 });
    });
  });
}
