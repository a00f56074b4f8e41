/**
 * Ten thousand running devices of the fake driver, each with its own config file, and one registry row that changes: once in
 * a registry of one device, once in the registry of all others.
 *
 *   npm run bench:reload -- [--devices 10000] [--rows 60] [--interval 60]
 *
 * Prints the time from the end of the write until the change is in effect, and the longest pause of the event loop meanwhile,
 * beside that of the same process in as much time without a change. A scrape counts as late when it comes over a second after
 * its time.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startBridge } from "../src/bridge.ts";
import { createLog, Secrets } from "../src/log/log.ts";
import { BridgeFiles } from "../src/reload/bridge-files.ts";
import { Mosquitto } from "../test/helpers/mosquitto.ts";

const { values: flags } = parseArgs({
  options: {
    devices: { type: "string", default: "10000" },
    rows: { type: "string", default: "60" },
    interval: { type: "string", default: "60" },
  },
});
const DEVICES = Number(flags.devices);
const INTERVAL = Number(flags.interval);
const MEASURED_MS = 5000;

const folder = mkdtempSync(join(tmpdir(), "voltbridge-reload-"));
const registry = (name: string) => join(folder, "registry", `${name}.csv`);
const rows = Array.from(
  { length: Number(flags.rows) },
  (_, i) => `point${i},sin(period=60),FakeRegister,float,FALSE`,
);

/** Runs the work, and returns the longest pause of the event loop until `MEASURED_MS` later, in milliseconds. */
async function pauseOf(work: () => Promise<unknown>): Promise<number> {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  await Promise.all([work(), delay(MEASURED_MS)]);
  loop.disable();
  return loop.max / 1e6;
}

const broker = await Mosquitto.run();
try {
  mkdirSync(join(folder, "registry"), { recursive: true });
  mkdirSync(join(folder, "configs", "devices"), { recursive: true });
  for (const name of ["one", "all"])
    writeFileSync(
      registry(name),
      ["Volttron Point Name,Attribute Name,Register Name,Type,Writable", ...rows, ""].join("\n"),
    );
  for (let i = 0; i < DEVICES; i++)
    writeFileSync(
      join(folder, "configs", "devices", `d${i}.json`),
      JSON.stringify({
        driver_type: "fake",
        registry_config: `config://${i === 0 ? "one" : "all"}.csv`,
        interval: INTERVAL,
      }),
    );
  const config = join(folder, "configs", "bridge.json");
  writeFileSync(
    config,
    JSON.stringify({
      mqtt: { url: broker.url, state: "off" },
      historian: { backend: "none" },
      driver: { driver_scrape_interval: INTERVAL / DEVICES / 2 },
    }),
  );
  const secrets = new Secrets();
  const files = new BridgeFiles({ config, secrets, env: {} });
  const begun = performance.now();
  const loaded = await files.load();
  const log = createLog({ level: "error" });
  const bridge = await startBridge({
    ...{ settings: loaded.settings, devices: loaded.devices, secrets, log, version: "0" },
    files: { loaded, load: () => files.load() },
    onDiagnostics: (found) => found.length > 0 && console.error(found.slice(0, 3)),
  });
  console.log(`${DEVICES} devices started after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  const slots = new Map(loaded.devices.map(({ settings: { path } }, slot) => [path, slot]));
  let late = 0;
  let scrapes = 0;
  bridge.bus.on("scrape", ({ device: { path }, takenAt, synchronizedAt }) => {
    scrapes++;
    const offset = (slots.get(path)! * INTERVAL * 1000) / DEVICES / 2;
    if (takenAt.getTime() - synchronizedAt.getTime() - offset > 1000) late++;
  });
  // Until every device was read once, and the heap has settled.
  await delay(INTERVAL * 1500);
  [late, scrapes] = [0, 0];
  const idle = await pauseOf(async () => undefined);
  console.log(`idle: longest pause ${idle.toFixed(0)} ms, ${scrapes} scrapes, ${late} late`);
  for (const name of ["one", "all"]) {
    [late, scrapes] = [0, 0];
    let tookMs = 0;
    const pause = await pauseOf(async () => {
      const changed = Promise.withResolvers<void>();
      const end = bridge.bus.on("notice", ({ kind }) => kind === "config_applied" && changed.resolve());
      const from = performance.now();
      writeFileSync(registry(name), readFileSync(registry(name), "utf8").replace("point7,", "renamed,"));
      await changed.promise;
      end();
      tookMs = performance.now() - from;
    });
    const count = name === "one" ? 1 : DEVICES - 1;
    console.log(
      `registry of ${count}: in effect after ${(tookMs / 1000).toFixed(2)} s, longest pause ${pause.toFixed(0)} ms (idle ${idle.toFixed(0)} ms, ${(pause - idle).toFixed(0)} ms more), ${scrapes} scrapes, ${late} late`,
    );
  }
  await bridge.stop();
} finally {
  await broker.dispose();
  rmSync(folder, { recursive: true, force: true });
}
