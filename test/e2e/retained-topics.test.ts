import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RunningCli } from "../cli/in-process.ts";
import { Workplace } from "../cli/workplace.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";

const HEADER =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes";
const registry = (...names: string[]) =>
  [HEADER, ...names.map((name) => `${name},constant(1),FakeRegister,,float,,,,`)].join("\n");
const device = (more = {}) => ({
  ...{ driver_type: "fake", registry_config: "config://r.csv", interval: 1, publish_depth_first: true },
  ...more,
});

describe.skipIf(!mosquittoInstalled)("what the broker keeps for a bridge", () => {
  let broker: Mosquitto;
  let place: Workplace;
  let bridge: RunningCli;
  beforeEach(async () => {
    broker = await Mosquitto.run();
    place = new Workplace({
      "r.csv": registry("load", "old"),
      "devices/site/s1.json": device(),
      "devices/site/s2.json": device(),
    });
  });
  afterEach(async () => {
    await bridge.stop();
    await broker.dispose();
    place.remove();
  });

  const start = (instance: string, more = {}, devices = "devices") => {
    const mqtt = { url: broker.url, state: "both", ...more };
    const settings = {
      instance,
      devices,
      data: `data-${instance}`,
      registries: ".",
      historian: { backend: "none" },
    };
    place.write(`${instance}.json`, { ...settings, mqtt });
    return new RunningCli(["run", "--config", place.at(`${instance}.json`)]);
  };
  /** Topics of devices that the broker keeps something on, each without its first level. */
  const kept = async () => {
    const ear = await Recorder.connect(broker.url, {}, "voltbridge/#");
    await ear.client.subscribeAsync(["devices/#", "state/#"]);
    // What is kept comes before what is sent now.
    await ear.client.subscribeAsync("end/#");
    await ear.send("end/1", "x");
    await ear.find("end/1");
    await ear.close();
    return ear.messages
      .filter(({ topic, retained }) => retained && /^(devices|state)\/site\//.test(topic))
      .map(({ topic }) => topic)
      .sort();
  };
  const topicsOf = (path: string, ...points: string[]) =>
    [`devices/${path}/all`, ...points.map((name) => `devices/${path}/${name}`), `state/${path}`]
      .concat(
        `state/${path}/availability`,
        points.map((name) => `state/${path}/${name}`),
      )
      .sort();

  test("of points that were renamed and devices that were removed is cleared at the next start", async () => {
    bridge = start("a");
    const before = [...topicsOf("site/s1", "load", "old"), ...topicsOf("site/s2", "load", "old")].sort();
    await expect.poll(kept).toEqual(before);
    await bridge.stop();
    place.write("r.csv", registry("load", "new"));
    rmSync(join(place.folder, "devices/site/s2.json"));
    bridge = start("a");
    await expect.poll(kept).toEqual(topicsOf("site/s1", "load", "new"));
  });

  test("is cleared where the settings do not publish it any more", async () => {
    bridge = start("a");
    await expect.poll(kept).toContain("state/site/s1/old");
    await bridge.stop();
    bridge = start("a", { state: "json" });
    const attributes = (topics: string[]) => topics.filter((topic) => /^state\/.+\/(load|old)$/.test(topic));
    await expect.poll(async () => attributes(await kept())).toEqual([]);
    expect(await kept()).toContain("state/site/s1");
  });

  test("stays where another bridge has the device now", async () => {
    bridge = start("a");
    await expect.poll(kept).toContain("state/site/s2");
    await bridge.stop();
    place.write("devices-b/site/s2.json", device());
    const other = start("b", {}, "devices-b");
    await other.printed(/connected/);
    rmSync(join(place.folder, "devices/site/s2.json"));
    place.write("devices/site/s1.json", device({ publish_depth_first: false }));
    bridge = start("a");
    await expect.poll(kept).not.toContain("devices/site/s1/old");
    expect(await kept()).toEqual(expect.arrayContaining(topicsOf("site/s2", "load", "old")));
    await other.stop();
  });
});
