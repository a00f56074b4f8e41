import { afterEach, beforeEach, expect, test } from "vitest";
import type { Eventing, Overriding, Pausing, Scheduling } from "../../../src/devices/commands.ts";
import { Mosquitto, mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { connected, device, point, startRig } from "../rig.ts";

/** A scheduler that grants everything and says which bridge's it is. */
const granting = (info: string): Scheduling => ({
  requestNewSchedule: () => ({ result: "SUCCESS", info, data: {} }),
  requestCancelSchedule: () => ({ result: "SUCCESS", info, data: {} }),
  tasks: () => [],
});
const overriding = {} as Overriding;
const scrapeAll = () => Promise.reject(new Error("nobody asks for a scrape"));

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
      {
        instance: name,
        devices: new Map([[`site/${name}`, device(`site/${name}`, POINTS)]]),
        control: {
          checkCommand: () => undefined,
          pausing: {} as Pausing,
          scheduling: granting(name),
          overriding,
          eventing: {} as Eventing,
          scrapeAll,
          sheds: () => ({ held: [], others: [] }),
        },
      },
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

test("a reservation of one bridge's devices is granted by that bridge alone", async () => {
  for (const [i, name] of ["north", "south", "north"].entries()) {
    const slots = [[`/site/${name}/`, "2026-11-21T08:00:00Z", "2026-11-21T09:00:00Z"]];
    const headers = { type: "NEW_SCHEDULE", requesterID: "ann", taskID: `t${i}`, priority: "LOW" };
    await ear.send("devices/actuators/schedule/request", JSON.stringify({ headers, message: slots }));
    const result = "devices/actuators/schedule/result";
    await ear.find(result, ({ text }) => text.includes(`"t${i}"`));
  }
  const answers = ear.on("devices/actuators/schedule/result").map(({ text }) => JSON.parse(text).info);
  expect(answers).toEqual(["north", "south", "north"]);
});
