import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { describe, expect, test } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import { EmbeddedBroker } from "../../../src/mqtt/broker/embedded-broker.ts";
import { endings } from "../../helpers/endings.ts";

async function start(): Promise<{ port: number; log: string[] }> {
  const log: string[] = [];
  const broker = await EmbeddedBroker.start({
    host: "127.0.0.1",
    port: 0,
    username: "bms",
    password: "hidden-word",
    log: createLog({ write: (line) => log.push(line) }),
  });
  endings.push(() => broker.stop());
  return { port: broker.port, log };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  endings.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Clean session, keepalive 60 s, client id `a`, with user and password. */
function connectPacket(version: 4 | 5 = 4): Buffer {
  const flags = [0, 4, ...Buffer.from("MQTT"), version, 0b1100_0010, 0, 60, ...(version === 5 ? [0] : [])];
  const login = [0, 1, 0x61, 0, 3, ...Buffer.from("bms"), 0, 11, ...Buffer.from("hidden-word")];
  return Buffer.from([0x10, flags.length + login.length, ...flags, ...login]);
}

const closed = (socket: Socket) => (socket.closed ? Promise.resolve() : once(socket, "close"));

/** A connected client with its user, over MQTT 5 or 3.1.1. */
async function client(
  port: number,
  protocolVersion: 4 | 5,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const login = { username: "bms", password: "hidden-word" };
  const made = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    ...{ protocolVersion, reconnectPeriod: 0, ...login },
    ...options,
  });
  made.on("error", () => undefined);
  endings.push(() => made.endAsync(true).catch(() => undefined));
  return made;
}

const heard = (client: MqttClient, event: "close" | "message"): Promise<unknown[]> =>
  new Promise((resolve) => client.once(event, (...values: unknown[]) => resolve(values)));

/** Two clients that others need not notice exchange a message. */
async function works(port: number): Promise<void> {
  const one = await client(port, 5);
  await one.subscribeAsync("works", { qos: 1 });
  const came = heard(one, "message");
  await (await client(port, 4)).publishAsync("works", "x", { qos: 1 });
  await came;
}

describe("the embedded broker survives what clients with a login send", () => {
  for (const version of [4, 5] as const) {
    test(`MQTT ${version}: client ids and filters that are names of an object's prototype`, async () => {
      const { port } = await start();
      for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
        const one = await client(port, version, { clientId: name });
        if (name === "__proto__") {
          const gone = heard(one, "close");
          one.subscribe([name, "other"], { qos: 1 });
          await gone;
        } else {
          await one.subscribeAsync([name, "other"], { qos: 1 });
          const came = heard(one, "message");
          await one.publishAsync(name, "x", { qos: 1 });
          expect((await came)[0]).toBe(name);
          await one.unsubscribeAsync(name);
        }
      }
      await works(port);
    });

    test(`MQTT ${version}: QoS 2 messages that are never released end the connection, and a second PUBREL does not`, async () => {
      const { port } = await start();
      const flood = await client(port, version);
      const gone = heard(flood, "close");
      for (let id = 1; id <= 1100; id++) flood.stream.write(publishQos2(version, id));
      await gone;
      const twice = await client(port, version);
      twice.stream.write(publishQos2(version, 7));
      const releases = [0x62, 2, 0, 7];
      twice.stream.write(Buffer.from([...releases, ...releases, ...releases]));
      await twice.publishAsync("after", "x", { qos: 1 });
      await works(port);
    });

    test(`MQTT ${version}: packets with any byte changed`, async () => {
      const { port } = await start();
      const packets = [connectPacket(version), publishQos2(version, 9), subscribePacket(version)];
      for (const [i, packet] of packets.entries())
        for (let at = 0; at < packet.length; at++)
          for (const byte of [0, 0x7f, 0xff, packet[at]! ^ 1]) {
            const changed = Buffer.from(packet);
            changed[at] = byte;
            const socket = connect(port, "127.0.0.1");
            socket.on("error", () => undefined).resume();
            socket.end(i === 0 ? changed : Buffer.concat([connectPacket(version), changed]));
            await closed(socket);
          }
      await works(port);
    });
  }
});

/** PUBLISH with QoS 2 on `t` (§3.3). */
function publishQos2(version: 4 | 5, id: number): Buffer {
  const rest = [0, 1, 0x74, id >> 8, id & 255, ...(version === 5 ? [0] : []), 0x78];
  return Buffer.from([0x34, rest.length, ...rest]);
}

/** SUBSCRIBE to `a/+` and `b`, with QoS 1 (§3.8). */
function subscribePacket(version: 4 | 5): Buffer {
  const rest = [0, 5, ...(version === 5 ? [0] : []), 0, 3, ...Buffer.from("a/+"), 1, 0, 1, 0x62, 1];
  return Buffer.from([0x82, rest.length, ...rest]);
}

describe("the embedded broker bounds what strangers can make it keep", () => {
  test.each([
    ["a CONNECT that announces 200 MB", [0x10, 0xff, 0xff, 0xff, 0x5f]],
    ["a length without an end", [0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["a PUBLISH before any CONNECT", [0x30, 0xff, 0xff, 0x7f]],
    ["something that is no MQTT", [...Buffer.from("GET / HTTP/1.1\r\n\r\n")]],
  ])(
    "%s ends the connection at once",
    async (_, bytes) => {
      const { port } = await start();
      const socket = await dial(port);
      socket.resume();
      socket.write(Buffer.from(bytes));
      await closed(socket);
    },
    3000,
  );

  test("a CONNECT that comes byte by byte is one like others", async () => {
    const { port } = await start();
    const socket = await dial(port);
    socket.setNoDelay(true);
    for (const byte of connectPacket()) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect([...answer]).toEqual([0x20, 2, 0, 0]);
  });

  test("more connections than it takes are closed, told once, and there is room again when others leave", async () => {
    const { port, log } = await start();
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => dial(port)));
    const late = await dial(port);
    const later = await dial(port);
    late.resume();
    later.resume();
    await Promise.all([closed(late), closed(later)]);
    expect(log.filter((line) => line.includes("1000 connections"))).toHaveLength(1);
    for (const socket of sockets) socket.destroy();
    const enters = async () => {
      const socket = await dial(port);
      socket.write(connectPacket());
      const answer = await Promise.race([once(socket, "data"), closed(socket).then(() => undefined)]);
      return answer !== undefined;
    };
    await expect.poll(enters, { timeout: 5000 }).toBe(true);
  });
});
