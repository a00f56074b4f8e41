/**
 * How long it takes to load, check and schedule many device configs that share a 60-row registry.
 *
 *   node bench/load.ts [devices=10000]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bus } from "../src/bus.ts";
import { loadAll } from "../src/cli/setup/load.ts";
import { openDevices, StateStore } from "../src/devices/index.ts";
import { createLog, Secrets } from "../src/log/log.ts";

const count = Number(process.argv[2] ?? 10_000);
const ROWS = 60;

function registry(): string {
  const header = "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable";
  const rows = Array.from(
    { length: ROWS },
    (_, i) => `p${i},portLoad,LoadRegister,${(i % 2) + 1},float,kW,FALSE`,
  );
  return [header, ...rows].join("\n");
}

const folder = mkdtempSync(join(tmpdir(), "voltbridge-load-"));
try {
  mkdirSync(join(folder, "registry"));
  writeFileSync(join(folder, "registry", "station.csv"), registry());
  writeFileSync(
    join(folder, "bridge.json"),
    JSON.stringify({ devices: "devices", registries: "registry", data: "data" }),
  );
  for (let i = 0; i < count; i++) {
    const garage = join(folder, "devices", "campus", `garage-${Math.floor(i / 100)}`);
    if (i % 100 === 0) mkdirSync(garage, { recursive: true });
    const driver_config = {
      stationID: `1:${10_000 + i}`,
      username: "key",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the config
      password: "${PASSWORD}",
      endpoint: "http://127.0.0.1:9/",
    };
    const config = { driver_type: "chargepoint", driver_config, registry_config: "config://station.csv" };
    writeFileSync(join(garage, `station-${i}.json`), JSON.stringify(config, null, 2));
  }

  const begun = performance.now();
  const options = {
    config: join(folder, "bridge.json"),
    secrets: new Secrets(),
    env: { PASSWORD: "secret" },
  };
  const { settings, devices, diagnostics } = await loadAll(options);
  const loaded = performance.now();
  const state = StateStore.open(":memory:");
  const log = createLog({ level: "silent" });
  const running = openDevices({ devices, settings, bus: new Bus(console.error), log, state });
  running.start();
  const scheduled = performance.now();
  const problems = [...diagnostics, ...running.diagnostics].filter((d) => d.severity === "error");
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  console.log("devices  load s  make and schedule s  together s  resident MB  errors");
  console.log(
    [
      running.infos.length,
      seconds(loaded - begun),
      seconds(scheduled - loaded),
      seconds(scheduled - begun),
      Math.round(process.memoryUsage().rss / 2 ** 20),
      problems.length,
    ].join("  "),
  );
  for (const problem of problems.slice(0, 3)) console.log(problem);
  await running.stop();
  state.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
