import { expect, test } from "vitest";
import { broker, endings } from "../../helpers/endings.ts";
import { eventually } from "../../helpers/eventually.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { connected, device, startRig } from "../rig.ts";

const ENERGY = { stationID: "1:7", port: "1", energyKwh: 5, sessions: 2, at: "2026-11-21T08:00:00Z" };
const BY_STATION = "voltbridge/bridge-1/energy/1:7/1";

/** What a client that connects now is told of the energy, by topic. */
async function retained(url: string): Promise<Record<string, number>> {
  const recorder = await Recorder.connect(url, {}, "voltbridge/+/energy/#");
  // The broker sends what it retains before it answers a ping that comes later.
  await recorder.client.subscribeAsync("voltbridge/bridge-1/state");
  await recorder.find("voltbridge/bridge-1/state", ({ retained }) => retained);
  await recorder.close();
  return Object.fromEntries(
    recorder.messages
      .filter(({ topic }) => topic.includes("/energy/"))
      .map(({ topic, text }) => [topic, (JSON.parse(text) as typeof ENERGY).energyKwh]),
  );
}

test("the energy of a port is retained by station and by device, again where the broker lost it, and under a new path", async () => {
  const mosquitto = await broker();
  const { bus, devices, mqtt } = await startRig({ url: mosquitto.url });
  endings.push(() => mqtt.stop());
  await connected(mqtt);
  const before = device("site/a", [], { stationID: "1:7" });
  devices.set(before.path, before);
  bus.emit("membership", { device: before, change: "added" });
  expect(await mqtt.sessions.energy(ENERGY)).toBe("published");
  const first = { [BY_STATION]: 5, "voltbridge/bridge-1/energy/site/a/1": 5 };
  expect(await retained(mosquitto.url)).toEqual(first);

  await mosquitto.kill();
  await eventually(async () =>
    expect(await mqtt.sessions.energy({ ...ENERGY, energyKwh: 6 })).toBe("dropped"),
  );
  await mosquitto.start();
  await connected(mqtt);
  await eventually(async () =>
    expect(await retained(mosquitto.url)).toEqual({
      [BY_STATION]: 6,
      "voltbridge/bridge-1/energy/site/a/1": 6,
    }),
  );

  const after = device("garage/a", [], { stationID: "1:7" });
  devices.delete(before.path);
  bus.emit("membership", { device: before, change: "gone" });
  devices.set(after.path, after);
  bus.emit("membership", { device: after, change: "added" });
  bus.emit("membership", { device: before, change: "forgotten" });
  await eventually(async () =>
    expect(await retained(mosquitto.url)).toEqual({
      [BY_STATION]: 6,
      "voltbridge/bridge-1/energy/garage/a/1": 6,
    }),
  );
});
