import { once } from "node:events";
import { connect as dial } from "node:net";
import mqtt, { type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, type TestContext, test } from "vitest";

export interface RunningBroker {
  readonly port: number;
  stop(): Promise<unknown>;
}

export interface BrokerUnderTest {
  /** Starts a broker on 127.0.0.1, with a login where one is wanted. */
  start(login?: { readonly username: string; readonly password: string }): Promise<RunningBroker>;
  /** Whether it holds back QoS 1 messages beyond the client's Receive Maximum. */
  readonly keepsReceiveMaximum: boolean;
}

type Packet = IPublishPacket;
type Version = 4 | 5;

/** A client that connects once and notes everything the broker sends. */
class Peer {
  readonly client: MqttClient;
  readonly messages: Packet[] = [];
  readonly connack: Promise<IConnackPacket>;
  readonly closed: Promise<void>;
  /** Reason code of the broker's DISCONNECT (MQTT 5). */
  disconnectCode: number | undefined;
  #wake: (() => void)[] = [];

  constructor(port: number, version: Version, options: IClientOptions = {}) {
    this.client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
      protocolVersion: version,
      reconnectPeriod: 0,
      connectTimeout: 5000,
      clientId: unique("peer"),
      ...options,
    });
    this.client.on("message", (_topic, _payload, packet) => {
      this.messages.push(packet);
      for (const wake of this.#wake.splice(0)) wake();
    });
    this.client.on("disconnect", (packet) => {
      this.disconnectCode = packet.reasonCode;
    });
    this.connack = new Promise((resolve, reject) => {
      this.client.once("connect", resolve);
      this.client.on("error", reject);
      this.client.once("close", () => reject(new Error("closed before the CONNACK")));
    });
    this.connack.catch(() => undefined);
    this.closed = new Promise((resolve) => {
      this.client.once("close", () => resolve());
    });
  }

  on(topic: string): Packet[] {
    return this.messages.filter((packet) => packet.topic === topic);
  }

  texts(topic?: string): string[] {
    return this.messages
      .filter((packet) => topic === undefined || packet.topic === topic)
      .map(({ payload }) => payload.toString());
  }

  /** Waits for a number of messages on a topic. */
  async count(topic: string, many: number): Promise<Packet[]> {
    const end = Date.now() + 8000;
    while (this.on(topic).length < many) {
      if (Date.now() > end)
        throw new Error(`not ${many} on ${topic}: ${this.messages.map((p) => `${p.topic}=${p.payload}`)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.on(topic);
  }

  /** Ends the connection without a DISCONNECT. */
  cut(): void {
    this.client.stream.destroy();
  }
}

/** What a test works with. Everything in it ends with the test. */
interface Site {
  readonly port: number;
  readonly ends: TestContext["onTestFinished"];
  /** A client that may not be connected yet, or ever. */
  open(options?: IClientOptions, port?: number): Peer;
  /** A connected client. */
  peer(options?: IClientOptions): Promise<Peer>;
  /** A connected client with a subscription. */
  listener(filter: string, options?: IClientOptions): Promise<Peer>;
  /** Options of a session that outlives its connections. */
  kept(clientId: string, seconds?: number): IClientOptions;
}

type Define = (name: string, body: (site: Site) => Promise<void>) => void;

let counter = 0;
const unique = (what: string): string => `${what}-${process.pid}-${++counter}`;

const rejection = (promise: Promise<unknown>): Promise<{ code?: number }> =>
  promise.then(
    () => ({}),
    (error: { code?: number }) => error,
  );

/** What voltbridge and its users need of a broker, over both versions. Sections are of the OASIS MQTT 5.0 standard. */
export function brokerContract(name: string, under: BrokerUnderTest): void {
  for (const version of [4, 5] as const)
    describe.concurrent(`${name}, MQTT ${version === 5 ? "5" : "3.1.1"}: broker contract`, () => {
      let broker: RunningBroker;
      beforeAll(async () => {
        broker = await under.start();
      });
      afterAll(() => broker.stop());

      const siteOf = ({ onTestFinished: ends }: TestContext): Site => {
        const open: Site["open"] = (options, port = broker.port) => {
          const made = new Peer(port, version, options);
          ends(async () => {
            await made.client.endAsync(true).catch(() => undefined);
          });
          return made;
        };
        const peer: Site["peer"] = async (options) => {
          const made = open(options);
          await made.connack;
          return made;
        };
        return {
          ...{ port: broker.port, ends, open, peer },
          async listener(filter, options) {
            const made = await peer(options);
            await made.client.subscribeAsync(filter, { qos: 1 });
            return made;
          },
          kept: (clientId, seconds = 60) => ({
            clientId,
            clean: false,
            ...(version === 5 && { properties: { sessionExpiryInterval: seconds } }),
          }),
        };
      };
      const it: Define = (title, body) => test(title, (context) => body(siteOf(context)));

      it("§3.1.2.4, §3.2.2.1.1: a clean start has no session", async ({ peer }) => {
        const one = await peer();
        expect((await one.connack).sessionPresent).toBe(false);
      });

      it("§3.1.4: a client that connects with the same id takes the session over", async ({ peer }) => {
        const clientId = unique("same");
        const old = await peer({ clientId });
        const young = await peer({ clientId });
        await old.closed;
        // The standard recommends the code, and Mosquitto may close before it is read.
        if (version === 5) expect([undefined, 0x8e]).toContain(old.disconnectCode);
        await young.client.subscribeAsync("takeover/x", { qos: 1 });
        await young.client.publishAsync("takeover/x", "here", { qos: 1 });
        await young.count("takeover/x", 1);
      });

      it("§3.1.2.10: a client that is silent for one and a half times its keep-alive is gone, and its will published", async ({
        listener,
        port,
        ends,
      }) => {
        const topic = unique("silent");
        const ear = await listener(topic);
        const socket = dial(port, "127.0.0.1");
        ends(() => void socket.destroy());
        await once(socket, "connect");
        socket.resume().write(rawConnect(version, unique("mute"), 1, topic));
        const since = Date.now();
        await ear.count(topic, 1);
        expect(Date.now() - since).toBeGreaterThan(1300);
      });

      it("§3.1.3.5, §3.1.3.6, §3.2.2.2: a wrong password is refused with its code, the right one is let in", async ({
        open,
        ends,
      }) => {
        const login = { username: "bms", password: "hidden-word" };
        const closedOne = await under.start(login);
        ends(async () => void (await closedOne.stop()));
        const wrong = open({ ...login, password: "other" }, closedOne.port);
        const none = open({}, closedOne.port);
        const right = open(login, closedOne.port);
        const codes = version === 5 ? [0x86, 0x87] : [4, 5];
        expect(codes).toContain((await rejection(wrong.connack)).code);
        expect(codes).toContain((await rejection(none.connack)).code);
        await right.connack;
      });

      it("§4.3, §4.6: QoS 0 and QoS 1 arrive, in the order in which they were sent, with the lower of both QoS", async ({
        peer,
      }) => {
        const base = unique("qos");
        const ear = await peer();
        await ear.client.subscribeAsync({ [`${base}/0`]: { qos: 0 }, [`${base}/1`]: { qos: 1 } });
        const mouth = await peer();
        for (let i = 0; i < 20; i++) {
          mouth.client.publish(`${base}/0`, `${i}`, { qos: 1 });
          mouth.client.publish(`${base}/1`, `${i}`, { qos: i % 2 ? 1 : 0 });
        }
        const zero = await ear.count(`${base}/0`, 20);
        const one = await ear.count(`${base}/1`, 20);
        expect(new Set(zero.map(({ qos }) => qos))).toEqual(new Set([0]));
        for (const qos of [0, 1])
          expect(one.filter((p) => p.qos === qos).map(({ payload }) => Number(payload.toString()))).toEqual(
            Array.from({ length: 10 }, (_, i) => 2 * i + qos),
          );
      });

      it("§4.3.3: QoS 2 is taken, delivered once, and to a QoS 1 subscription as QoS 1", async ({
        peer,
        listener,
      }) => {
        const topic = unique("two");
        const ear = await listener(topic);
        const mouth = await peer();
        await mouth.client.publishAsync(topic, "a", { qos: 2 });
        await mouth.client.publishAsync(topic, "b", { qos: 1 });
        await ear.count(topic, 2);
        expect(ear.on(topic).map(({ payload, qos }) => [payload.toString(), qos])).toEqual([
          ["a", 1],
          ["b", 1],
        ]);
      });

      it("§3.3.1.3: retained messages come to exact and wildcard filters, are replaced, and are removed by an empty one", async ({
        peer,
        listener,
      }) => {
        const base = unique("retained");
        const mouth = await peer();
        const live = await listener(`${base}/#`);
        for (const [topic, text] of [
          ["a/config", "old"],
          ["a/config", "new"],
          ["b/config", "b"],
          ["c/config", "gone"],
          ["c/config", ""],
        ] as const)
          await mouth.client.publishAsync(`${base}/${topic}`, text, { qos: 1, retain: true });
        await live.count(`${base}/c/config`, 2);
        expect(new Set(live.messages.map(({ retain }) => retain))).toEqual(new Set([false]));
        for (const [filter, expected] of [
          [`${base}/a/config`, ["new"]],
          [`${base}/+/config`, ["b", "new"]],
          [`${base}/#`, ["b", "new"]],
        ] as const) {
          const late = await listener(filter);
          // A message that is not retained comes after all that are.
          await late.client.subscribeAsync(`${base}-end`, { qos: 1 });
          for (const text of expected)
            await expect.poll(() => late.texts().includes(text), { timeout: 5000 }).toBe(true);
          await mouth.client.publishAsync(`${base}-end`, "end", { qos: 1 });
          await late.count(`${base}-end`, 1);
          const came = late.messages.filter((packet) => packet.topic !== `${base}-end`);
          expect(came.map(({ payload }) => payload.toString()).sort()).toEqual(expected);
          expect(came.every(({ retain }) => retain)).toBe(true);
        }
      });

      it("§3.1.2.5, §3.14: the will comes after an abrupt end, retained where it is so, and not after a DISCONNECT", async ({
        peer,
        listener,
      }) => {
        const topic = unique("will");
        const ear = await listener(topic);
        const will = (text: string) => ({
          will: { topic, payload: Buffer.from(text), qos: 1, retain: true } as const,
        });
        const polite = await peer(will("polite"));
        await polite.client.endAsync();
        const abrupt = await peer(will("abrupt"));
        abrupt.cut();
        await ear.count(topic, 1);
        expect(ear.texts(topic)).toEqual(["abrupt"]);
        const late = await listener(topic);
        expect((await late.count(topic, 1))[0]).toMatchObject({ retain: true });
        await late.client.publishAsync(topic, "", { retain: true, qos: 1 });
      });

      it("§3.1.4: the will of a connection that is taken over is published", async ({ peer, listener }) => {
        const topic = unique("taken-will");
        const ear = await listener(topic);
        const clientId = unique("taken");
        await peer({ clientId, will: { topic, payload: Buffer.from("first"), qos: 1, retain: false } });
        await peer({ clientId, will: { topic, payload: Buffer.from("second"), qos: 1, retain: false } });
        await ear.count(topic, 1);
        expect(ear.texts(topic)).toEqual(["first"]);
      });

      it("§4.1, §4.4: a kept session has its subscriptions and the QoS 1 messages of its absence, in order", async ({
        open,
        peer,
        kept,
      }) => {
        const topic = unique("kept");
        const clientId = unique("keeper");
        const first = await peer(kept(clientId));
        await first.client.subscribeAsync(topic, { qos: 1 });
        await first.client.endAsync();
        const mouth = await peer();
        for (const text of ["1", "2", "3"]) await mouth.client.publishAsync(topic, text, { qos: 1 });
        const second = open(kept(clientId));
        expect((await second.connack).sessionPresent).toBe(true);
        await second.count(topic, 3);
        await mouth.client.publishAsync(topic, "4", { qos: 1 });
        await second.count(topic, 4);
        expect(second.texts(topic)).toEqual(["1", "2", "3", "4"]);
        await second.client.endAsync();
        // A clean start discards it (§3.1.2.4).
        const clean = await peer({ clientId, clean: true });
        expect((await clean.connack).sessionPresent).toBe(false);
      });

      it("§3.3.4: overlapping subscriptions deliver with the highest QoS of them", async ({ peer }) => {
        const base = unique("overlap");
        const ear = await peer();
        await ear.client.subscribeAsync({ [`${base}/#`]: { qos: 0 }, [`${base}/+`]: { qos: 1 } });
        const mouth = await peer();
        await mouth.client.publishAsync(`${base}/x`, "x", { qos: 1 });
        await mouth.client.publishAsync(`${base}/end`, "end", { qos: 1 });
        await ear.count(`${base}/end`, 1);
        const copies = ear.on(`${base}/x`);
        expect(copies.length).toBeGreaterThan(0);
        expect(copies.length).toBeLessThanOrEqual(2);
      });

      it("§3.10: nothing comes after an unsubscribe", async ({ listener }) => {
        const topic = unique("left");
        const ear = await listener(topic);
        await ear.client.subscribeAsync(`${topic}/end`, { qos: 1 });
        await ear.client.unsubscribeAsync(topic);
        await ear.client.publishAsync(topic, "late", { qos: 1 });
        await ear.client.publishAsync(`${topic}/end`, "end", { qos: 1 });
        await ear.count(`${topic}/end`, 1);
        expect(ear.on(topic)).toEqual([]);
      });

      it("§4.7.2: a filter that begins with a wildcard does not match topics that begin with $", async ({
        listener,
      }) => {
        const ear = await listener("#");
        await ear.client.subscribeAsync("+/uptime", { qos: 1 });
        await ear.client.publishAsync(unique("dollar"), "x", { qos: 1 });
        await expect.poll(() => ear.messages.length, { timeout: 5000 }).toBeGreaterThan(0);
        expect(ear.messages.filter((packet) => packet.topic.startsWith("$"))).toEqual([]);
      });

      it("a payload of 1 MB passes", async ({ listener }) => {
        const topic = unique("large");
        const ear = await listener(topic);
        await ear.client.publishAsync(topic, Buffer.alloc(1024 * 1024, 1), { qos: 1 });
        expect((await ear.count(topic, 1))[0]!.payload).toHaveLength(1024 * 1024);
      });

      if (version === 5) fiveOnly(it, under);
    });
}

/** What only MQTT 5 has. */
function fiveOnly(it: Define, under: BrokerUnderTest): void {
  it("§3.3.2.3: user properties, response topic, correlation data, content type and payload format pass unchanged", async ({
    listener,
  }) => {
    const topic = unique("properties");
    const properties = {
      userProperties: { unit: "kW", name: ["first", "second"], leer: "" },
      responseTopic: "answers/here",
      correlationData: Buffer.of(0, 1, 255),
      contentType: "application/json",
      payloadFormatIndicator: true,
    };
    const ear = await listener(topic);
    await ear.client.publishAsync(topic, "{}", { qos: 1, properties, retain: true });
    const late = await listener(topic);
    for (const one of [ear, late]) {
      const [packet] = await one.count(topic, 1);
      const { userProperties, ...others } = packet!.properties!;
      expect({ ...userProperties }).toEqual(properties.userProperties);
      expect(others).toMatchObject({
        responseTopic: "answers/here",
        contentType: "application/json",
        payloadFormatIndicator: true,
      });
      expect([...others.correlationData!]).toEqual([0, 1, 255]);
    }
    await ear.client.publishAsync(topic, "", { qos: 1, retain: true });
  });

  it("§3.3.2.3.3: a retained message expires; until then it comes with what is left of its time", async ({
    peer,
    listener,
  }) => {
    const base = unique("expiry");
    const mouth = await peer();
    const send = (topic: string, seconds: number): Promise<unknown> =>
      mouth.client.publishAsync(`${base}/${topic}`, topic, {
        qos: 1,
        retain: true,
        properties: { messageExpiryInterval: seconds },
      });
    await send("short", 1);
    await send("long", 100);
    await pass(2100);
    const late = await listener(`${base}/#`);
    const [long] = await late.count(`${base}/long`, 1);
    await late.client.publishAsync(`${base}/end`, "end", { qos: 1 });
    await late.count(`${base}/end`, 1);
    expect(late.on(`${base}/short`)).toEqual([]);
    expect(long!.properties!.messageExpiryInterval).toBeLessThan(100);
    expect(long!.properties!.messageExpiryInterval).toBeGreaterThan(90);
  });

  it("§3.3.2.3.3: a message that waits for a client expires too", async ({ open, peer, kept }) => {
    const topic = unique("queued-expiry");
    const clientId = unique("away");
    const first = await peer(kept(clientId));
    await first.client.subscribeAsync(topic, { qos: 1 });
    await first.client.endAsync();
    const mouth = await peer();
    for (const [text, messageExpiryInterval] of [
      ["short", 1],
      ["long", 100],
    ] as const)
      await mouth.client.publishAsync(topic, text, { qos: 1, properties: { messageExpiryInterval } });
    await pass(2100);
    const second = open(kept(clientId));
    const [only] = await second.count(topic, 1);
    expect(second.texts(topic)).toEqual(["long"]);
    expect(only!.properties!.messageExpiryInterval).toBeLessThan(100);
  });

  it("§3.1.2.11.4: a client is not sent packets above its Maximum Packet Size, and stays connected", async ({
    listener,
  }) => {
    const topic = unique("small");
    const small = await listener(topic, { properties: { maximumPacketSize: 1000 } });
    const large = await listener(topic);
    const userProperties = { filler: "x".repeat(600) };
    await large.client.publishAsync(topic, "x".repeat(2000), { qos: 1 });
    await large.client.publishAsync(topic, "y".repeat(500), { qos: 1, properties: { userProperties } });
    await large.client.publishAsync(topic, "fits", { qos: 1 });
    await large.count(topic, 3);
    await small.count(topic, 1);
    expect(small.texts(topic)).toEqual(["fits"]);
    expect(small.client.connected).toBe(true);
  });

  if (under.keepsReceiveMaximum)
    it("§3.1.2.11.3, §4.9: no more QoS 1 messages are on their way than the client's Receive Maximum", async ({
      open,
      peer,
    }) => {
      const topic = unique("window");
      const slow = open({ properties: { receiveMaximum: 2 } });
      await slow.connack;
      const acks: (() => void)[] = [];
      slow.client.handleMessage = (_packet, done) => void acks.push(() => done());
      await slow.client.subscribeAsync(topic, { qos: 1 });
      const mouth = await peer();
      for (let i = 0; i < 5; i++) await mouth.client.publishAsync(topic, `${i}`, { qos: 1 });
      let most = 0;
      for (let i = 0; i < 5; i++) {
        await expect.poll(() => acks.length, { timeout: 5000 }).toBeGreaterThan(0);
        most = Math.max(most, acks.length);
        acks.shift()!();
      }
      expect(most).toBeLessThanOrEqual(2);
    });

  it("§3.1.2.11.2: a session ends its expiry interval after the connection, and the DISCONNECT can change that", async ({
    open,
    peer,
    kept,
  }) => {
    const [short, never, changed] = [unique("short"), unique("never"), unique("changed")];
    for (const [clientId, seconds, atEnd] of [
      [short, 1, undefined],
      [never, 100, undefined],
      [changed, 100, 1],
    ] as const) {
      const one = await peer(kept(clientId, seconds));
      await one.client.subscribeAsync("sessions/x", { qos: 1 });
      await one.client.endAsync(false, {
        ...(atEnd !== undefined && { properties: { sessionExpiryInterval: atEnd } }),
      });
    }
    await pass(2600);
    for (const [clientId, isThere] of [
      [short, false],
      [never, true],
      [changed, false],
    ] as const) {
      const again = open(kept(clientId));
      expect((await again.connack).sessionPresent, clientId).toBe(isThere);
    }
  });

  it("§3.14.2.1: a DISCONNECT with code 4 publishes the will", async ({ peer, listener }) => {
    const topic = unique("code-four");
    const ear = await listener(topic);
    const one = await peer({ will: { topic, payload: Buffer.from("gone"), qos: 1, retain: false } });
    await one.client.endAsync(false, { reasonCode: 4 });
    await ear.count(topic, 1);
  });

  it("§3.1.3.2: a will has its properties, waits for its delay, and is not sent where the client is back by then", async ({
    peer,
    listener,
    kept,
  }) => {
    const base = unique("delayed");
    const ear = await listener(`${base}/#`);
    const withWill = (clientId: string, topic: string, clean: boolean): IClientOptions => ({
      ...kept(clientId),
      clean,
      will: {
        ...{ topic: `${base}/${topic}`, payload: Buffer.from("gone"), qos: 1, retain: false },
        properties: { willDelayInterval: 1, contentType: "text/plain", userProperties: { why: "cut" } },
      },
    });
    const [away, back] = [unique("away"), unique("back")];
    const first = await peer(withWill(away, "away", true));
    const second = await peer(withWill(back, "back", true));
    const since = Date.now();
    first.cut();
    second.cut();
    await second.closed;
    await peer(withWill(back, "back", false));
    const [will] = await ear.count(`${base}/away`, 1);
    expect(Date.now() - since).toBeGreaterThan(800);
    expect(will!.properties).toMatchObject({ contentType: "text/plain" });
    expect({ ...will!.properties!.userProperties }).toEqual({ why: "cut" });
    await ear.client.publishAsync(`${base}/end`, "end", { qos: 1 });
    await ear.count(`${base}/end`, 1);
    expect(ear.on(`${base}/back`)).toEqual([]);
  });

  it("§3.8.3.1: no local, retain as published", async ({ peer }) => {
    const base = unique("options");
    const own = await peer();
    await own.client.subscribeAsync(`${base}/own`, { qos: 1, nl: true });
    await own.client.subscribeAsync(`${base}/flag`, { qos: 1, rap: true });
    await own.client.publishAsync(`${base}/own`, "mine", { qos: 1 });
    await own.client.publishAsync(`${base}/flag`, "kept", { qos: 1, retain: true });
    const other = await peer();
    await other.client.publishAsync(`${base}/own`, "other's", { qos: 1 });
    await own.count(`${base}/own`, 1);
    expect(own.texts(`${base}/own`)).toEqual(["other's"]);
    expect((await own.count(`${base}/flag`, 1))[0]!.retain).toBe(true);
    await own.client.publishAsync(`${base}/flag`, "", { qos: 1, retain: true });
  });

  it("§3.8.3.1: retain handling: at each subscription, at the first of a session, never", async ({
    peer,
  }) => {
    const topic = unique("handling");
    const mouth = await peer();
    await mouth.client.publishAsync(topic, "kept", { qos: 1, retain: true });
    for (const [rh, first, second] of [
      [0, 1, 2],
      [1, 1, 1],
      [2, 0, 0],
    ] as const) {
      const one = await peer();
      await one.client.subscribeAsync(`${topic}/end`, { qos: 1 });
      for (const [round, expected] of [first, second].entries()) {
        await one.client.subscribeAsync(topic, { qos: 1, rh });
        await one.count(topic, expected);
        await one.client.publishAsync(`${topic}/end`, "end", { qos: 1 });
        await one.count(`${topic}/end`, round + 1);
        expect(one.on(topic), `retain handling ${rh}, round ${round}`).toHaveLength(expected);
      }
    }
    await mouth.client.publishAsync(topic, "", { qos: 1, retain: true });
  });

  it("§3.8.2.1.2: a subscription identifier comes with the messages of the subscription", async ({
    peer,
  }) => {
    const topic = unique("identified");
    const one = await peer();
    await one.client.subscribeAsync(topic, { qos: 1, properties: { subscriptionIdentifier: 7 } });
    await one.client.publishAsync(topic, "x", { qos: 1 });
    const [packet] = await one.count(topic, 1);
    expect([packet!.properties!.subscriptionIdentifier].flat()).toEqual([7]);
  });

  it("§3.2.2.3.7: a client without an id is given one", async ({ peer }) => {
    const one = await peer({ clientId: "" });
    expect((await one.connack).properties?.assignedClientIdentifier).toMatch(/./);
  });
}

/** Time that must pass at the broker, which has a clock of its own. */
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** CONNECT with a will (QoS 0, "gone") and the keep-alive in seconds (§3.1). */
function rawConnect(version: Version, clientId: string, keepalive: number, willTopic: string): Buffer {
  const text = (value: string) => [...[value.length >> 8, value.length & 255], ...Buffer.from(value)];
  const none = version === 5 ? [0] : [];
  const head = [...text("MQTT"), version, 0b0000_0110, 0, keepalive, ...none];
  const body = [...head, ...text(clientId), ...none, ...text(willTopic), ...text("gone")];
  if (body.length > 127) throw new Error("the length takes one byte here");
  return Buffer.from([0x10, body.length, ...body]);
}
