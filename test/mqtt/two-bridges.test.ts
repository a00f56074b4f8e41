import { afterEach, beforeEach, expect, test } from "vitest";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { connected, device, point, startRig } from "./rig.ts";

const POINTS = [point("allowedLoad", { units: "kW", writable: true })];

let broker: Mosquitto;
let rigs: Awaited<ReturnType<typeof startRig>>[];
let ear: Recorder;

beforeEach(async (context) => {
  if (!mosquittoInstalled) return context.skip();
  broker = await Mosquitto.run();
  rigs = [];
  for (const name of ["north", "south"]) {
    const rig = await startRig(
      { url: broker.url },
      { instance: name, devices: new Map([[`site/${name}`, device(`site/${name}`, POINTS)]]) },
    );
    await connected(rig.mqtt);
    rigs.push(rig);
  }
  ear = await Recorder.connect(broker.url, {});
});
afterEach(async () => {
  await ear?.close();
  for (const rig of rigs ?? []) await rig.mqtt.stop();
  await broker?.dispose();
});

test("two bridges at one broker: each answers for its own devices, and one of them for nobody's", async () => {
  await ear.send("devices/actuators/set/site/north/allowedLoad", "5");
  await ear.find("devices/actuators/value/site/north/allowedLoad");
  await ear.send("devices/actuators/set/site/south/allowedLoad", "6");
  await ear.find("devices/actuators/value/site/south/allowedLoad");
  await ear.send("devices/actuators/set/site/west/allowedLoad", "7");
  const error = await ear.json("devices/actuators/error/site/west/allowedLoad");
  expect(error).toMatchObject({ type: "DeviceNotFoundError" });
  expect(ear.messages.filter(({ topic }) => /error\/site\/(north|south)/.test(topic))).toEqual([]);
});

test("a bridge that is gone answers for nobody, so another one says that there is no such device", async () => {
  await rigs.pop()?.mqtt.stop();
  await ear.send("devices/actuators/set/site/south/allowedLoad", "6");
  const error = await ear.json("devices/actuators/error/site/south/allowedLoad");
  expect(error).toMatchObject({ type: "DeviceNotFoundError" });
});
