import { execFileSync } from "node:child_process";
import { truncateSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { RunningCli } from "../cli/in-process.ts";
import { Workplace } from "../cli/workplace.ts";
import { freePort } from "../helpers/mosquitto.ts";

const header =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\n";
const fake = (registry: string) => ({ driver_type: "fake", registry_config: registry });
const station = (password: unknown) => ({
  driver_type: "chargepoint",
  driver_config: { stationID: "1:1", username: "u", password, endpoint: "http://127.0.0.1:1/" },
  registry_config: "config://fake.csv",
});
const nested = (opening: string, closing: string, depth: number) =>
  `${opening.repeat(depth)}1${closing.repeat(depth)}`;

/** Device config, or the file that it names, and what is said of it. */
const HOPELESS: Record<string, { content: unknown; said: RegExp }> = {
  "brackets.json": {
    content: nested("[", "]", 1_000_000),
    said: /brackets\.json:1:101: error \[bad_json\] .*nested deeper than 100/,
  },
  "braces.json": {
    content: `{"driver_type": "fake", "driver_config": ${nested('{"a":', "}", 5_000)}}`,
    said: /braces\.json:1:\d+: error \[bad_json\] .*nested deeper than 100/,
  },
  "keys.json": {
    content: `{${Array.from({ length: 30_000 }, (_, i) => `"k${i}":1`)}}`,
    said: /keys\.json:1:\d+: error \[unknown_key\]/,
  },
  "twins.json": {
    content: `{"driver_config": {${'"k":1,'.repeat(20_000)}"k":1}}`,
    said: /twins\.json:1:\d+: error \[duplicate_key\]/,
  },
  "lines.json": {
    content: `{\n${'"a": no,\n'.repeat(20_000)}}`,
    said: /lines\.json:2:\d+: error \[bad_json\]/,
  },
  "values.json": {
    content: `{"driver_config": [${"1,".repeat(1_500_000)}1]}`,
    said: /values\.json:1:\d+: error \[bad_json\] .*more than 250000 values/,
  },
  "variables.json": {
    content: `{"driver_config": [${`"\${NOWHERE_SET}",`.repeat(20_000)}1]}`,
    said: /variables\.json:1:\d+: error \[missing_variable\]/,
  },
  "comment.json": {
    content: `{"driver_config": {}, ${"/* ".repeat(1_200_000)}`,
    said: /comment\.json:1:\d+: error \[bad_json\] this comment is never closed/,
  },
  "large.json": {
    content: 100_000_000,
    said: /large\.json:1:1: error \[unreadable_file\] the file is larger than 4 MB \(100 MB\)/,
  },
  "zeros.json": {
    content: station({ file: "/dev/zero" }),
    said: /zeros\.json:\d+:\d+: error \[unreadable_secret\] driver_config\.password: .*\/dev\/zero is a device, not a regular file/,
  },
  "pipe.json": {
    content: station({ file: "pipe" }),
    said: /pipe\.json:\d+:\d+: error \[unreadable_secret\] driver_config\.password: .*lab\/pipe is a pipe, not a regular file/,
  },
  "pipe-registry.json": {
    content: fake("pipe"),
    said: /pipe-registry\.json:\d+:\d+: error \[missing_registry\] registry_config: .*lab\/pipe is a pipe, not a regular file/,
  },
  "zeros-registry.json": {
    content: fake("/dev/zero"),
    said: /zeros-registry\.json:\d+:\d+: error \[missing_registry\] registry_config: .*\/dev\/zero is a device, not a regular file/,
  },
  "large-registry.json": {
    content: fake("config://large.csv"),
    said: /registry\/large\.csv:1:1: error \[unreadable_file\] the file is larger than 32 MB \(100 MB\)/,
  },
};

describe("F10: hopeless config files", () => {
  let place: Workplace;
  let bridge: RunningCli | undefined;
  afterEach(async () => {
    await bridge?.stop();
    place.remove();
  });

  test("F10: each stops its own device, within seconds and with its place; the others run", async () => {
    place = new Workplace({
      "configs/bridge.json": {
        mqtt: { embedded: { port: await freePort() } },
        historian: { backend: "none" },
      },
      "configs/devices/lab/good.json": fake("config://fake.csv"),
      "registry/fake.csv": `${header}load,constant(3.6),FakeRegister,,float,kW,,FALSE,\n`,
      "registry/large.csv": header,
    });
    for (const [name, { content }] of Object.entries(HOPELESS)) {
      const file = place.write(`configs/devices/lab/${name}`, typeof content === "number" ? "" : content);
      if (typeof content === "number") truncateSync(file, content);
    }
    truncateSync(place.at("registry/large.csv"), 100_000_000);
    execFileSync("mkfifo", [place.at("configs/devices/lab/pipe")]);

    bridge = new RunningCli(["run", "--config", place.at("configs/bridge.json")]);
    await bridge.printed(/running devices=1 /);
    const told = bridge.stderr.match(/^\S+:\d+:\d+: error .*$/gm) ?? [];
    const unsaid = Object.values(HOPELESS).filter(({ said }) => !told.some((line) => said.test(line)));
    expect(unsaid.map(({ said }) => said)).toEqual([]);
    expect(await bridge.stop()).toMatchObject({ code: 0 });
  }, 60_000);
});
