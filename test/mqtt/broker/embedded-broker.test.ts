import { once } from "node:events";
import { connect, type Socket } from "node:net";
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

/** MQTT 3.1.1, clean session, keepalive 60 s, client id `a`, with user and password. */
function connectPacket(): Buffer {
  const flags = [0, 4, ...Buffer.from("MQTT"), 4, 0b1100_0010, 0, 60];
  const login = [0, 1, 0x61, 0, 3, ...Buffer.from("bms"), 0, 11, ...Buffer.from("hidden-word")];
  return Buffer.from([0x10, flags.length + login.length, ...flags, ...login]);
}

const closed = (socket: Socket) => (socket.closed ? Promise.resolve() : once(socket, "close"));

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
