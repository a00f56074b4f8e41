import { describe, expect, test } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import type { Announcer } from "../../../src/mqtt/broker/birth-and-will.ts";
import { Connection } from "../../../src/mqtt/broker/connection.ts";
import { broker, endings } from "../../helpers/endings.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { TcpProxy } from "../../helpers/tcp-proxy.ts";
import { until } from "../rig.ts";

/** Announces itself by number: another will at each connection, and bytes that are no text. */
class Numbered implements Announcer {
  connections = 0;

  will() {
    return {
      topic: "node/death",
      payload: Buffer.of(0xff, ++this.connections),
      qos: 1,
      retain: false,
    } as const;
  }

  async publishBirth(session: Parameters<Announcer["publishBirth"]>[0]): Promise<void> {
    const payload = Buffer.of(0xff, this.connections);
    const contentType = "application/x-protobuf";
    await session.publish({ topic: "node/birth", payload, qos: 0, retain: false, contentType });
  }

  publishFarewell(session: Parameters<Announcer["publishFarewell"]>[0]): Promise<void> {
    return session.end("stopped", { publishWill: true });
  }
}

describe.skipIf(!mosquittoInstalled)("a connection that announces itself in its own way", () => {
  for (const version of [4, 5] as const)
    test(`MQTT ${version}: each connection has its own will and birth, and the last will comes at the stop`, async () => {
      const mosquitto = await broker();
      const proxy = await TcpProxy.before(mosquitto.port);
      endings.push(() => proxy.close());
      const ear = await Recorder.connect(mosquitto.url, { protocolVersion: 5 }, "node/#");
      endings.push(() => ear.close());
      const came: [string, number][] = [];
      ear.client.on("message", (topic, payload) => {
        expect(payload[0]).toBe(0xff);
        came.push([topic, payload[1]!]);
      });
      const connection = new Connection({
        address: { url: `mqtt://127.0.0.1:${proxy.port}`, protocolVersion: version },
        clientId: "node-1",
        keepaliveSeconds: 60,
        announces: new Numbered(),
        log: createLog({ write: () => undefined }),
        times: { firstPauseMs: 30, longestPauseMs: 100, stableMs: 100 },
      });
      connection.start();
      endings.push(() => connection.stop());
      await until(() => came.length === 1, "the first birth");
      proxy.cut();
      await until(() => came.length === 3, "the first will and the second birth");
      await connection.stop();
      await until(() => came.length === 4, "the second will");
      expect(came.toSorted((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))).toEqual([
        ["node/birth", 1],
        ["node/death", 1],
        ["node/birth", 2],
        ["node/death", 2],
      ]);
      const { contentType, payloadFormatIndicator } = ear.on("node/birth")[0]!.properties;
      if (version === 5) {
        expect(contentType).toBe("application/x-protobuf");
        expect(payloadFormatIndicator ?? false).toBe(false);
      } else expect(contentType).toBeUndefined();
    });
});
