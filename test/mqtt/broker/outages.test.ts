import { once } from "node:events";
import { type AddressInfo, createConnection, createServer } from "node:net";
import { Aedes } from "aedes";
import { connect } from "mqtt";
import { describe, expect, test } from "vitest";
import { createLog, Secrets } from "../../../src/log/log.ts";
import { Connection } from "../../../src/mqtt/broker/connection.ts";
import { ImpossibleMessageError, LinkDownError, PublishRefusedError } from "../../../src/mqtt/broker/link.ts";
import { readBridgeStatus, request } from "../../../src/mqtt/index.ts";
import type { Write } from "../../../src/points/index.ts";
import { broker, endings } from "../../helpers/endings.ts";
import { freePort, Mosquitto, mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { TcpProxy } from "../../helpers/tcp-proxy.ts";
import { AT, connected, PATH, type Rig, STATION, scrape, startRig, until } from "../rig.ts";

async function bridge(...args: Parameters<typeof startRig>): Promise<Rig> {
  const rig = await startRig(...args);
  endings.push(() => rig.mqtt.stop());
  return rig;
}

async function listen(url: string, options = {}): Promise<Recorder> {
  const ear = await Recorder.connect(url, options);
  endings.push(() => ear.close());
  return ear;
}

async function proxyBefore(port: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.before(port);
  endings.push(() => proxy.close());
  return proxy;
}

interface TestConnection {
  readonly connection: Connection;
  readonly log: string[];
}

async function connection(
  url: string,
  protocolVersion: 4 | 5,
  publishTimeoutMs = 1000,
): Promise<TestConnection> {
  const log: string[] = [];
  const it = new Connection({
    address: { url, protocolVersion },
    clientId: "connection-under-test",
    keepaliveSeconds: 60,
    announces: "voltbridge/test/state",
    log: createLog({ write: (line) => log.push(line) }),
    times: { firstPauseMs: 30, longestPauseMs: 100, stableMs: 100, publishTimeoutMs, connectTimeoutMs: 500 },
  });
  it.start();
  endings.push(() => it.stop());
  await until(() => it.up, "connected");
  return { connection: it, log };
}

/** An attempted write, which is announced now or never. */
const WRITE: Write = {
  ...{ id: "w", requester: "r", via: "mqtt", device: STATION, action: "revert", at: AT, requested: null },
};

const message = (topic: string, payload = "x") => ({ topic, payload, qos: 1 as const, retain: false });

describe.skipIf(!mosquittoInstalled)("the broker is away", () => {
  test("at start: the bridge runs, says so once with the reason, and is there when the broker comes", async () => {
    const mosquitto = await Mosquitto.prepare();
    endings.push(() => mosquitto.dispose());
    const { mqtt, log, bus } = await bridge({ url: mosquitto.url });
    await until(() => log.length > 0, "a line that it cannot connect");
    bus.emit("scrape", scrape(STATION, { allowedLoad: 4 }));
    bus.emit("write", WRITE);
    await until(() => mqtt.counters.dropped > 0, "an announcement that nobody can hear is counted");
    await mosquitto.start();
    await connected(mqtt);
    const ear = await listen(mosquitto.url);
    expect(JSON.parse((await ear.find(`state/${PATH}`)).text)).toMatchObject({ allowedLoad: 4 });
    expect(log.filter((line) => line.includes("cannot connect"))).toHaveLength(1);
    expect(log[0]).toContain("ECONNREFUSED");
    expect(log.some((line) => /connected to .* after .*; \d+ attempts? failed/.test(line))).toBe(true);
    expect(log.some((line) => /dropped while the broker was away dropped=\d/.test(line))).toBe(true);
  });

  test("H2: after a restart of the broker everything retained is back and commands work", async () => {
    const mosquitto = await broker();
    const { mqtt, bus, commands, log } = await bridge({ url: mosquitto.url });
    await connected(mqtt);
    const before = await listen(mosquitto.url);
    bus.emit("scrape", scrape(STATION, { allowedLoad: 4 }));
    bus.emit("availability", { device: STATION, availability: "online", since: AT });
    await before.find(`state/${PATH}/availability`);
    await mosquitto.kill();
    await until(() => !mqtt.connected, "the loss is noticed");
    await mosquitto.start();
    await connected(mqtt);
    const ear = await listen(mosquitto.url);
    expect((await ear.find("voltbridge/bridge-1/state")).text).toBe("online");
    expect(JSON.parse((await ear.find(`state/${PATH}`)).text)).toMatchObject({ allowedLoad: 4 });
    expect((await ear.find(`state/${PATH}/availability`)).text).toBe("online");
    await ear.find("voltbridge/bridge-1/info");
    await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, "5");
    await ear.find(`devices/actuators/value/${PATH}/allowedLoad`);
    expect(commands.calls.map((call) => call.value)).toEqual([5]);
    expect(log.filter((line) => line.includes("lost"))).toHaveLength(1);
  });

  test("E1: the refusal of a retained command is not repeated after a reconnect", async () => {
    const mosquitto = await broker();
    const proxy = await proxyBefore(mosquitto.port);
    const ear = await listen(mosquitto.url);
    await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, "0", { retain: true });
    const { mqtt, commands } = await bridge({ url: `mqtt://127.0.0.1:${proxy.port}` });
    const refusal = `devices/actuators/error/${PATH}/allowedLoad`;
    await ear.find(refusal);
    proxy.cut();
    await until(() => !mqtt.connected, "the loss is noticed");
    await connected(mqtt);
    await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, "5");
    await ear.find(`devices/actuators/value/${PATH}/allowedLoad`);
    expect(ear.on(refusal)).toHaveLength(1);
    expect(commands.calls.map((call) => call.value)).toEqual([5]);
  });

  test("H2: a cut connection is told by the will, and the return by the birth", async () => {
    const mosquitto = await broker();
    const proxy = await proxyBefore(mosquitto.port);
    const { mqtt } = await bridge({ url: `mqtt://127.0.0.1:${proxy.port}` });
    await connected(mqtt);
    const ear = await listen(mosquitto.url);
    const topic = "voltbridge/bridge-1/state";
    await ear.find(topic, ({ text }) => text === "online");
    const from = ear.messages.length;
    proxy.cut();
    await ear.find(topic, ({ text }) => text === "offline", from);
    await ear.find(topic, ({ text }) => text === "online", from);
    expect(ear.on(topic).map(({ text }) => text)).toEqual(["online", "offline", "online"]);
  });

  test("H2: a late will of an earlier connection does not stand", async () => {
    const mosquitto = await broker();
    const { mqtt } = await bridge({ url: mosquitto.url });
    await connected(mqtt);
    const ear = await listen(mosquitto.url);
    const topic = "voltbridge/bridge-1/state";
    await ear.find(topic);
    const from = ear.messages.length;
    await ear.send(topic, "offline", { retain: true });
    await ear.find(topic, ({ text }) => text === "online", from);
  });

  test("H8, A3: a connection that is cut again and again is tried at growing pauses and said once", async () => {
    const mosquitto = await broker();
    const proxy = await proxyBefore(mosquitto.port);
    proxy.refusing = true;
    const { mqtt, log } = await bridge({ url: `mqtt://127.0.0.1:${proxy.port}` });
    await until(() => proxy.accepted >= 6, "several attempts");
    expect(log.filter((line) => line.includes("cannot connect")).length).toBeLessThanOrEqual(2);
    proxy.refusing = false;
    await connected(mqtt);
  });

  test("H8, A3: a connection that ends as soon as it is there is said once, with the number when it lasts", async () => {
    const mosquitto = await broker();
    const proxy = await proxyBefore(mosquitto.port);
    // Long enough that no connection of this test lasts as long, on a busy machine either.
    const times = {
      firstPauseMs: 50,
      longestPauseMs: 200,
      stableMs: 1000,
      connectTimeoutMs: 2000,
      askMs: 10,
    };
    const { mqtt, log } = await bridge({ url: `mqtt://127.0.0.1:${proxy.port}` }, { times });
    for (let i = 0; i < 6; i++) {
      await connected(mqtt);
      proxy.cut();
      await until(() => !mqtt.connected, "the loss is noticed");
    }
    expect(log.length, log.join("")).toBeLessThanOrEqual(4);
    await until(
      () => /connected to .* after .*; [4-9] attempts failed/.test(log.at(-1) ?? ""),
      "the return is said",
    );
  });

  test("A2, T7: a broker that hangs is left after the deadline, and what waited for it is given back", async () => {
    const mosquitto = await broker();
    const { connection: it, log } = await connection(mosquitto.url, 5, 300);
    mosquitto.pause();
    const lost = await Promise.allSettled([it.publish(message("a")), it.publish(message("b"))]);
    for (const outcome of lost)
      expect(outcome).toMatchObject({ status: "rejected", reason: { name: "LinkDownError" } });
    expect(log.join("")).toContain("acknowledged nothing for 0.3 s");
    await expect(it.publish(message("c"))).rejects.toThrow(LinkDownError);
    mosquitto.resume();
    await until(() => it.up, "connected again");
    await it.publish(message("d"));
  });

  test("nothing waits without bound for a broker that hangs", async () => {
    const mosquitto = await broker();
    const { connection: it } = await connection(mosquitto.url, 5, 60_000);
    mosquitto.pause();
    const payload = "x".repeat(64 * 1024);
    const outcomes = Array.from({ length: 2000 }, (_, i) =>
      it.publish(message(`t/${i}`, payload)).then(
        () => "sent",
        (error: Error) => error.message,
      ),
    );
    const first = await Promise.race(outcomes);
    expect(first).toContain("too slow");
    mosquitto.resume();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["sent", first]));
  });
});

describe.skipIf(!mosquittoInstalled)("the broker says no", () => {
  test("A23, T6: MQTT 5: a publish that the access rules deny is an error with its code; others go on", async () => {
    const mosquitto = await broker({ acl: ["topic readwrite voltbridge/#", "topic readwrite allowed/#"] });
    const { connection: it } = await connection(mosquitto.url, 5);
    const denied = it.publish(message("devices/x/all"));
    const allowed = it.publish(message("allowed/x"));
    await expect(denied).rejects.toMatchObject({ name: "PublishRefusedError", code: 135 });
    await allowed;
    expect(it.up).toBe(true);
  });

  test("A23, T6: MQTT 3.1.1 hides it; the bridge finds out from its own state topic", async () => {
    const mosquitto = await broker({ acl: ["topic read #"] });
    const { log } = await connection(mosquitto.url, 4);
    await until(() => log.some((line) => line.includes("did not deliver it back")), "a warning");
  });

  for (const version of [4, 5] as const)
    test(`A23, T7: MQTT ${version}: a message over the broker's limit does not wedge the client`, async () => {
      const mosquitto = await broker({ config: ["message_size_limit 1000"] });
      const { connection: it } = await connection(mosquitto.url, version);
      const large = it.publish(message("t", "x".repeat(2000)));
      if (version === 5) await expect(large).rejects.toThrow(PublishRefusedError);
      // 3.1.1 has no way to say no.
      else await large;
      await until(() => it.up, "connected");
      for (let i = 0; i < 300; i++) await it.publish(message("t"));
    });

  test("A23: a limit that the broker announces is kept without asking it", async () => {
    const mosquitto = await broker({ config: ["max_packet_size 4000"] });
    const { connection: it } = await connection(mosquitto.url, 5);
    await expect(it.publish(message("t", "x".repeat(5000)))).rejects.toThrow(ImpossibleMessageError);
    await it.publish(message("t"));
    expect(it.up).toBe(true);
  });

  test("A23: a broker that retains nothing and takes small packets only is reported once, with what to do", async () => {
    const mosquitto = await broker({ config: ["max_packet_size 65536", "retain_available false"] });
    const { connection: it, log } = await connection(mosquitto.url, 5);
    await it.publish({ ...message("t"), retain: true });
    await mosquitto.stop();
    await until(() => !it.up, "the loss is noticed");
    await mosquitto.start();
    await until(() => it.up, "connected again");
    await it.publish(message("t", "x".repeat(60_000)));
    await expect(it.publish(message("t", "x".repeat(70_000)))).rejects.toThrow(ImpossibleMessageError);
    for (const remedy of ["retain_available true", "max_packet_size"])
      expect(log.filter((line) => line.includes(remedy))).toHaveLength(1);
  });

  test("H8: a client id that another client uses too is named, with its setting", async () => {
    const mosquitto = await broker();
    const log: string[] = [];
    const twin = (): Connection => {
      const one = new Connection({
        address: { url: mosquitto.url, protocolVersion: 5 },
        ...{ clientId: "garage", clientIdSetting: "mqtt.client_id", keepaliveSeconds: 60 },
        announces: "voltbridge/test/state",
        log: createLog({ write: (line) => log.push(line) }),
        times: { firstPauseMs: 20, longestPauseMs: 50, stableMs: 5000 },
      });
      endings.push(() => one.stop());
      one.start();
      return one;
    };
    twin();
    twin();
    await until(() => log.join("").includes("connects as garage"), "the hint");
    expect(log.join("")).toContain("give one of the two another id (mqtt.client_id)");
  });

  test("A24, T8: impossible topics are never sent, and others are not affected", async () => {
    const mosquitto = await broker();
    const { connection: it } = await connection(mosquitto.url, 5);
    for (const topic of [
      ...["a/+/b", "a/#", "", "a\u0000b", "a\u0007b", "a\uffff", "a\ud800"],
      ...["x".repeat(70_000), "a/".repeat(150)],
    ])
      await expect(it.publish(message(topic))).rejects.toThrow(ImpossibleMessageError);
    await it.publish(message("devices/🔌 station /$all"));
    expect(it.up).toBe(true);
  });

  test("messages keep their order, far more than fit in the window", async () => {
    const mosquitto = await broker();
    const { connection: it } = await connection(mosquitto.url, 5);
    const ear = await listen(mosquitto.url);
    await Promise.all(Array.from({ length: 3000 }, (_, i) => it.publish(message("order", `${i}`))));
    await ear.find("order", ({ text }) => text === "2999");
    expect(ear.on("order").map(({ text }) => Number(text))).toEqual(
      Array.from({ length: 3000 }, (_, i) => i),
    );
  });
});

describe.skipIf(!mosquittoInstalled)("MQTT 5", () => {
  test("headers as user properties, with the message as VOLTTRON has it", async () => {
    const mosquitto = await broker();
    const { mqtt, bus } = await bridge({ url: mosquitto.url, headers: "properties" });
    await connected(mqtt);
    const ear = await listen(mosquitto.url, { protocolVersion: 5 });
    bus.emit("scrape", scrape(STATION, { allowedLoad: 4 }));
    const all = await ear.find(`devices/${PATH}/all`);
    expect(JSON.parse(all.text)).toHaveLength(2);
    expect({ ...all.properties.userProperties }).toEqual({
      Date: "2026-11-21T08:00:01.250000+00:00",
      TimeStamp: "2026-11-21T08:00:01.250000+00:00",
      SynchronizedTimeStamp: "2026-11-21T08:00:00.000000+00:00",
    });
    await ear.send(`devices/actuators/revert/point/${PATH}/allowedLoad`, "", {
      properties: { userProperties: { requesterID: "agent", id: "p-1" } },
    });
    const reverted = await ear.find(`devices/actuators/reverted/point/${PATH}/allowedLoad`);
    expect(reverted.text).toBe("null");
    expect(reverted.properties.userProperties).toMatchObject({
      requesterID: "agent",
      id: "p-1",
      status: "confirmed",
    });
    bus.emit("availability", { device: STATION, availability: "online", since: AT });
    const beat = await ear.find("heartbeat/bridge-1");
    expect([beat.text, beat.properties.userProperties?.TimeStamp]).toEqual([
      "GOOD",
      "2026-11-21T08:00:01.250000+00:00",
    ]);
  });

  test("response topic, correlation data and expiry are honoured; a response topic that is a command is not", async () => {
    const mosquitto = await broker();
    const { mqtt, commands } = await bridge({ url: mosquitto.url });
    await connected(mqtt);
    const ear = await listen(mosquitto.url, { protocolVersion: 5 });
    const topic = `devices/actuators/set/${PATH}/allowedLoad`;
    await ear.send(topic, '{"value":2,"id":"r-1"}', {
      properties: {
        responseTopic: "answers/for/me",
        correlationData: Buffer.from([0, 255, 7]),
        messageExpiryInterval: 30,
      },
    });
    const answer = await ear.find("answers/for/me");
    expect(answer.properties.correlationData).toEqual(Buffer.from([0, 255, 7]));
    expect(JSON.parse(answer.text)).toMatchObject({
      id: "r-1",
      action: "set",
      device: PATH,
      status: "confirmed",
    });
    expect(commands.calls[0]?.command?.expiresAt).toEqual(new Date(AT.getTime() + 30_000));

    await ear.send(topic, "[", { properties: { responseTopic: `devices/actuators/set/${PATH}/other` } });
    await ear.find(`devices/actuators/error/${PATH}/allowedLoad`);
    // A fence: what was published before it would have come before it.
    await ear.send(`devices/actuators/get/${PATH}/allowedLoad`, "");
    await ear.find(`devices/actuators/value/${PATH}/allowedLoad`, ({ text }) => text.startsWith("[6.6"));
    expect(ear.on(`devices/actuators/set/${PATH}/other`)).toEqual([]);
    expect(commands.calls.map((call) => call.verb)).toEqual(["set", "get"]);
  });
});

describe.skipIf(!mosquittoInstalled)("G4: TLS", () => {
  test("a broker with a certificate of our CA, and with a client certificate", async () => {
    const mosquitto = await broker({ tls: "client-certificate" });
    const file = (name: string): string => `${mosquitto.folder}/${name}`;
    const { mqtt } = await bridge({
      url: mosquitto.url,
      ...{ ca: file("ca.pem"), cert: file("client.pem"), key: file("client.key") },
    });
    await connected(mqtt);
  });

  test.each([
    ["a CA that did not sign it", { ca: "other-ca.pem" }, /unable to verify|self.signed|signature/],
    ["no CA", {}, /unable to verify|self.signed/],
    ["no client certificate", { ca: "ca.pem" }, /certificate required|closed|ECONNRESET|alert/i],
  ])("no connection with %s, the reason is said, and there is no fallback", async (_, files, reason) => {
    const mosquitto = await broker({ tls: "client-certificate" });
    const paths = Object.fromEntries(
      Object.entries(files).map(([key, name]) => [key, `${mosquitto.folder}/${name}`]),
    );
    const { mqtt, log } = await bridge({ url: mosquitto.url, ...paths });
    await until(() => log.some((line) => reason.test(line)), `a line with ${reason}: ${log.join("")}`);
    expect(mqtt.connected).toBe(false);
  });

  test("certificates without TLS, and files that are not there, are refused at start", async () => {
    await expect(startRig({ url: "mqtt://127.0.0.1:1", ca: "/nowhere/ca.pem" })).rejects.toThrow(
      /write mqtts:\/\//,
    );
    await expect(startRig({ url: "mqtts://127.0.0.1:1", ca: "/nowhere/ca.pem" })).rejects.toThrow(
      /mqtt\.ca: \/nowhere\/ca\.pem cannot be read \(ENOENT\)/,
    );
  });
});

describe("embedded broker", () => {
  test("a subscription that is not granted is said, with its topic", async () => {
    const aedes = await Aedes.createBroker({
      authorizeSubscribe: (_, subscription, done) =>
        done(null, subscription.topic.startsWith("secret/") ? null : subscription),
    });
    const server = createServer(aedes.handle).listen(0, "127.0.0.1");
    endings.push(async () => {
      aedes.close();
      server.close();
    });
    await once(server, "listening");
    const { connection: it, log } = await connection(
      `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
      4,
    );
    it.subscribe({ filters: ["open/#", "secret/#"], onMessage: () => undefined });
    await until(() => log.length > 1, "a word about it");
    expect(log[1]).toMatch(/refused a subscription.*secret\/#/);
    expect(log[1]).not.toContain("open/#");
  });

  test("a port that is taken is an error with the setting and the port", async () => {
    const first = await bridge({ embedded: { host: "127.0.0.1", port: 0 } });
    const port = Number(new URL(first.mqtt.url).port);
    await expect(startRig({ embedded: { host: "127.0.0.1", port } })).rejects.toThrow(
      new RegExp(`mqtt\\.embedded: port ${port} on 127\\.0\\.0\\.1 is taken`),
    );
  });

  test("user name and password of the settings hold for everybody", async () => {
    const { mqtt } = await bridge({
      embedded: { host: "127.0.0.1", port: 0 },
      ...{ username: "ann", password: "secret-word" },
    });
    await connected(mqtt);
    const stranger = connect(mqtt.url, { reconnectPeriod: 0 });
    const error = await new Promise<{ code?: number }>((resolve) =>
      stranger.once("error", (e) => resolve(e as { code?: number })),
    );
    expect(error.code).toBe(4);
    await stranger.endAsync(true);
    const { log } = await bridge({ url: mqtt.url, username: "ann", password: "wrong-word" });
    await until(() => log.join("").includes("check mqtt.username and mqtt.password"), "the remedy");
    await listen(mqtt.url, { username: "ann", password: "secret-word" });
  });

  test("MQTT 5 in the settings ends with 3.1.1 where the broker speaks only that", async () => {
    const { mqtt } = await bridge({ embedded: { host: "127.0.0.1", port: 0 } });
    // As brokers of 3.1.1 refuse another version: CONNACK with code 1 (3.1.1 §3.2.2.3).
    const old = createServer((near) => {
      near
        .on("error", () => undefined)
        .once("data", (first: Buffer) => {
          if (first[first.indexOf("MQTT") + 4] !== 4) {
            near.end(Buffer.of(0x20, 2, 0, 1));
            return;
          }
          const far = createConnection(Number(new URL(mqtt.url).port), "127.0.0.1");
          far.on("error", () => undefined).write(first);
          near.pipe(far).pipe(near);
        });
    }).listen(0, "127.0.0.1");
    endings.push(() => old.close());
    await once(old, "listening");
    const url = `mqtt://127.0.0.1:${(old.address() as AddressInfo).port}`;
    const { connection: it, log } = await connection(url, 5);
    expect(it.protocolVersion).toBe(4);
    expect(log.join("")).toContain("does not speak MQTT 5");
  });

  test("base_topic stands before every topic", async () => {
    const { mqtt, bus } = await bridge({ embedded: { host: "127.0.0.1", port: 0 }, baseTopic: "site/7" });
    await connected(mqtt);
    const ear = await listen(mqtt.url);
    bus.emit("scrape", scrape(STATION, { allowedLoad: 4 }));
    await ear.find(`site/7/devices/${PATH}/all`);
    await ear.send(`site/7/devices/actuators/set/${PATH}/allowedLoad`, "3");
    await ear.find(`site/7/devices/actuators/value/${PATH}/allowedLoad`);
    await ear.find("site/7/voltbridge/bridge-1/state");
    const strays = ear.messages.filter(
      ({ topic }) => !topic.startsWith("site/7/") && !topic.startsWith("$SYS/"),
    );
    expect(strays).toEqual([]);
  });

  test("G1: known secrets are in no answer and no event", async () => {
    const secrets = new Secrets();
    secrets.add("canary-password");
    const { mqtt, bus, commands } = await bridge({ embedded: { host: "127.0.0.1", port: 0 } }, { secrets });
    await connected(mqtt);
    const ear = await listen(mqtt.url);
    const text = "login with canary-password failed";
    commands.value = new Error(text);
    commands.outcome = { status: "failed", error: "ApiError", text };
    await ear.send(`devices/actuators/get/${PATH}/allowedLoad`, "");
    await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, "3");
    await ear.send(`state/${PATH}/allowedLoad/set`, "3");
    bus.emit("notice", { severity: "error", kind: "credentials_refused", text, at: AT });
    await ear.find(`state/${PATH}/allowedLoad/result`);
    await ear.find("voltbridge/bridge-1/event");
    const said = ear.messages.filter((one) => one.text.includes("login with"));
    expect(said.map((one) => one.text.includes("canary-password"))).toEqual([false, false, false, false]);
  });

  test("G1: known secrets are in nothing that is published: health, events, headers, results and errors of calls", async () => {
    const secrets = new Secrets();
    secrets.add('canary "password"');
    const text = 'InfluxDB: authorization of user:canary "password" failed';
    const health = () => ({ historian: { failing: text, waiting: 12 } });
    const { mqtt, bus, commands } = await bridge(
      { embedded: { host: "127.0.0.1", port: 0 } },
      { secrets, health },
    );
    await connected(mqtt);
    const ear = await listen(mqtt.url);
    bus.emit("notice", { severity: "error", kind: "store_failing", text, device: text, at: AT });
    commands.outcome = { status: "failed", error: text, text, readBack: text };
    const asked = { value: 3, requester: text, id: text };
    const command = `devices/actuators/set/${PATH}/allowedLoad`;
    await ear.send(command, JSON.stringify(asked));
    await ear.find("voltbridge/bridge-1/event");
    await ear.find(`devices/actuators/error/${PATH}/allowedLoad`);
    const told = await ear.find("voltbridge/bridge-1/health");
    expect(JSON.parse(told.text).historian).toEqual({
      failing: "InfluxDB: authorization of user:*** failed",
      waiting: 12,
    });
    const leaks = ear.messages.filter((one) => one.topic !== command && one.text.includes("canary"));
    expect(leaks).toEqual([]);
  });

  test("a secret that is a common word or number changes no key, no number, and nothing that topics say anyway", async () => {
    const secrets = new Secrets();
    for (const word of ["status", "1234", "bridge-1", "garage"]) secrets.add(word);
    const health = () => ({ historian: { stored: 123456, failing: "no 1234 for status" } });
    const { mqtt } = await bridge({ embedded: { host: "127.0.0.1", port: 0 } }, { secrets, health });
    await connected(mqtt);
    const ear = await listen(mqtt.url);
    const info = JSON.parse((await ear.find("voltbridge/bridge-1/info")).text);
    expect(info.instance).toBe("bridge-1");
    const told = JSON.parse((await ear.find("voltbridge/bridge-1/health")).text);
    expect(told).toMatchObject({ status: expect.any(String), devices: expect.any(Object) });
    expect(told.historian).toEqual({ stored: 123456, failing: "no *** for ***" });
    await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, "3");
    const answer = await ear.find(`devices/actuators/value/${PATH}/allowedLoad`);
    expect(JSON.parse(answer.text)).toHaveLength(3);
  });

  test("E24: a stop waits for the command under way and answers it", async () => {
    const { mqtt, commands } = await startRig({ embedded: { host: "127.0.0.1", port: 0 } });
    await connected(mqtt);
    const ear = await listen(mqtt.url, { reconnectPeriod: 0 });
    let release = (): void => undefined;
    commands.gate = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    await ear.send(`devices/actuators/set/${PATH}/allowedLoad`, "3");
    await until(() => commands.calls.length === 1, "the command runs");
    const stopped = mqtt.stop();
    release();
    await stopped;
    expect(ear.on(`devices/actuators/value/${PATH}/allowedLoad`)).toHaveLength(1);
    expect(ear.on("voltbridge/bridge-1/state").at(-1)?.text).toBe("offline");
  });
});

describe("request()", () => {
  const ask = { action: "get", target: `${PATH}/portLoad` } as const;

  test("no broker", async () => {
    const url = `mqtt://127.0.0.1:${await freePort()}`;
    const broker = { url, protocolVersion: 5 as const, baseTopic: "" };
    await expect(request(ask, { broker, timeoutMs: 2000 })).rejects.toMatchObject({
      name: "NoBrokerError",
      message: expect.stringContaining(url),
    });
  });

  test("a bridge that is offline, and one that does not answer", async () => {
    const { mqtt, commands } = await bridge({ embedded: { host: "127.0.0.1", port: 0 } });
    await connected(mqtt);
    const second = await startRig({ url: mqtt.url, protocolVersion: 4 }, { instance: "two" });
    await connected(second.mqtt);
    await second.mqtt.stop();
    const broker = { url: mqtt.url, protocolVersion: 4 as const, baseTopic: "" };
    await expect(request(ask, { broker, instance: "two", timeoutMs: 400 })).rejects.toMatchObject({
      name: "NoBridgeError",
      message: expect.stringContaining("is offline"),
    });
    await expect(request(ask, { broker, instance: "three", timeoutMs: 400 })).rejects.toMatchObject({
      name: "NoBridgeError",
      message: expect.stringContaining("ever online"),
    });
    let release = (): void => undefined;
    commands.gate = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    await expect(request(ask, { broker, timeoutMs: 400 })).rejects.toMatchObject({ name: "NoAnswerError" });
    release();
  });

  test("a broker that goes away while the answer is awaited", async () => {
    const { mqtt, commands } = await startRig({ embedded: { host: "127.0.0.1", port: 0 } });
    await connected(mqtt);
    const proxy = await proxyBefore(Number(new URL(mqtt.url).port));
    commands.gate = async () => proxy.cut();
    const broker = {
      url: `mqtt://127.0.0.1:${proxy.port}`,
      protocolVersion: 4 as const,
      baseTopic: "",
    };
    await expect(request(ask, { broker, timeoutMs: 5000 })).rejects.toMatchObject({ name: "NoBrokerError" });
    await mqtt.stop();
  });

  test("what a bridge says of itself can be read by anybody", async () => {
    const { mqtt } = await bridge({ embedded: { host: "127.0.0.1", port: 0 } });
    await connected(mqtt);
    const broker = { url: mqtt.url, protocolVersion: 5 as const, baseTopic: "" };
    const [status, ...others] = await readBridgeStatus(broker, { instance: "bridge-1", timeoutMs: 2000 });
    expect(status).toMatchObject({
      ...{
        instance: "bridge-1",
        state: "online",
        info: { version: "1.2.3" },
        health: { status: "STARTING" },
      },
    });
    expect(others).toEqual([]);
  });

  test("a target with a wildcard is refused before it is sent", async () => {
    const broker = { url: "mqtt://127.0.0.1:1", protocolVersion: 5 as const, baseTopic: "" };
    const wild = { action: "revert", target: "pnnl/#" } as const;
    const answer = await request(wild, { broker, timeoutMs: 400 });
    expect(answer).toMatchObject({ status: "refused", error: "BadTargetError" });
    expect(answer.text).toContain("holds a wildcard");
  });
});
