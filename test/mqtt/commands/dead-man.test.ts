import mqtt, { type MqttClient } from "mqtt";
import { afterEach, describe, expect, it } from "vitest";
import type { ScriptedDevice } from "../../devices/rig.ts";
import { LINKS, startControl, unavailable } from "../control-rig.ts";

const MINUTE = 60_000;
const STATE = "voltbridge/bridge-1/controller/ems/state";
const leased = (device: ScriptedDevice) => void Object.assign(device, { leaseSeconds: 3600 });

describe.each(LINKS)("a controller with a will ($name)", (link) => {
  let bridge: Awaited<ReturnType<typeof startControl>>;
  const clients: MqttClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await bridge?.stop();
  });

  async function start(options: Parameters<typeof startControl>[1] = {}) {
    const actuator = { controllerGraceSeconds: 120 };
    bridge = await startControl(link, { prepare: leased, actuator, ...options });
    return bridge;
  }
  /** Says `online` with a will that says `offline`. */
  async function controller(): Promise<MqttClient> {
    const { protocolVersion } = link;
    const will = { topic: STATE, payload: Buffer.from("offline"), qos: 1 as const, retain: true };
    const client = mqtt.connect(bridge.mqtt.url, { protocolVersion, reconnectPeriod: 0, will });
    clients.push(client);
    await new Promise((resolve) => client.once("connect", resolve));
    await client.publishAsync(STATE, "online", { qos: 1, retain: true });
    return client;
  }
  /** Its connection breaks; the broker sends the will, and the bridge has it. */
  async function kill(client: MqttClient): Promise<void> {
    const from = bridge.ear.messages.length;
    client.stream.destroy();
    await bridge.ear.find(STATE, ({ text }) => text === "offline", from);
    await heardAll();
  }
  /** What was sent before has come to the bridge: it answers what was sent after it. */
  async function heardAll(): Promise<void> {
    const from = bridge.ear.messages.length;
    await bridge.ear.send("devices/actuators/get/site/s2/limit", "{}");
    await bridge.ear.find("devices/actuators/value/site/s2/limit", undefined, from);
  }
  const set = async (path: string, requester = "ems") => {
    const result = await bridge.commands.set(path, "limit", 3, bridge.command({ requester }));
    expect(result.status).toBe("confirmed");
  };
  const reverts = () => bridge.writes.filter(({ via, status }) => via === "dead-man" && status !== undefined);

  it.skipIf(unavailable(link))(
    "E21: what it holds is reverted after the grace, and nothing else",
    async () => {
      await start();
      const client = await controller();
      await set("site/s1");
      await set("site/s2", "other");
      await kill(client);
      await bridge.clock.advance(2 * MINUTE - 1000);
      expect(reverts()).toEqual([]);
      await bridge.clock.advance(1000);
      await expect.poll(() => reverts().length).toBe(1);
      expect(reverts()[0]).toMatchObject({ action: "revert", requester: "ems", status: "confirmed" });
      expect(bridge.station("site/s1").values.get("limit")).toBe(0);
      expect(bridge.station("site/s2").values.get("limit")).toBe(3);
      expect(bridge.notices.map(({ kind }) => kind)).toContain("controller_gone");
      expect(bridge.devices.counters().holds.held).toBe(1);
      // Nothing renews it, and nothing is reverted twice.
      await bridge.clock.advance(40 * MINUTE);
      expect(bridge.station("site/s1").values.get("limit")).toBe(0);
      expect(reverts()).toHaveLength(1);
    },
  );

  it.skipIf(unavailable(link))("E21: nothing happens where it is back within the grace", async () => {
    await start();
    const first = await controller();
    await set("site/s1");
    await kill(first);
    await bridge.clock.advance(MINUTE);
    await controller();
    await heardAll();
    await bridge.clock.advance(10 * MINUTE);
    expect(bridge.writes.filter(({ action }) => action === "revert")).toEqual([]);
    expect(bridge.station("site/s1").values.get("limit")).toBe(3);
  });

  it.skipIf(unavailable(link))("E21: off by default", async () => {
    await start({ actuator: {} });
    const client = await controller();
    await set("site/s1");
    await kill(client);
    await bridge.clock.advance(20 * MINUTE);
    expect(bridge.station("site/s1").values.get("limit")).toBe(3);
  });

  it.skipIf(unavailable(link))(
    "E21: what it sets while its state says offline is reverted likewise",
    async () => {
      await start();
      await kill(await controller());
      await bridge.clock.advance(5 * MINUTE);
      expect(reverts()).toEqual([]);
      await set("site/s1");
      await bridge.clock.advance(2 * MINUTE);
      await expect.poll(() => reverts().length).toBe(1);
    },
  );

  it.skipIf(unavailable(link) || link.broker === "embedded")(
    "E21: gone while the bridge was down: the grace runs from its start",
    async () => {
      await start({ before: (ear) => ear.send(STATE, "offline", { retain: true }) });
      await heardAll();
      await set("site/s1");
      await bridge.clock.advance(MINUTE);
      expect(reverts()).toEqual([]);
      await bridge.clock.advance(MINUTE);
      await expect.poll(() => reverts().length).toBe(1);
    },
  );
});
