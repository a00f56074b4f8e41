/**
 * The bridge of `bench/integrations.ts` in a process of its own: the real one, from its config files, which are followed. It says when
 * all devices were read, and measures from one `begin` to the next `end`. Argument: bridge config.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { startBridge } from "../../src/bridge.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import { BridgeFiles } from "../../src/reload/bridge-files.ts";
import { percentile } from "../percentile.ts";

/** From `begin` to `end`. */
export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** By how much a timer came late at most, in milliseconds. */
  readonly longestDelayMs: number;
  readonly scrapes: number;
  /** From the time for which a scrape was due to its values; milliseconds. */
  readonly lateness: { readonly p50: number; readonly p99: number; readonly max: number };
}

const RESOLUTION_MS = 1;

const config = process.argv[2]!;
const secrets = new Secrets();
const files = new BridgeFiles({ config, secrets, env: {} });
const loaded = await files.load();
const log = createLog({ level: "warn", write: (line) => process.stderr.write(line) });
const bridge = await startBridge({
  ...{ settings: loaded.settings, devices: loaded.devices, secrets, log, version: "bench" },
  files: { loaded, load: () => files.load() },
  onDiagnostics: (found) => found.length > 0 && console.error(found.slice(0, 3)),
});

/** Of each device, how long after the slot its turn is (the shortest time that was ever seen), and its last slot. */
const turns = new Map<string, { readonly ms: number; readonly slot: number }>();
let lateness: number[] = [];
let isReady = false;
bridge.bus.on("scrape", ({ device: { path }, synchronizedAt }) => {
  const slot = synchronizedAt.getTime();
  const after = Date.now() - slot;
  const before = turns.get(path);
  // A set point is followed by another scrape of its device.
  if (slot === before?.slot) return;
  const ms = Math.min(after, before?.ms ?? after);
  turns.set(path, { ms, slot });
  lateness.push(after - ms);
  if (isReady || turns.size < loaded.devices.length) return;
  isReady = true;
  process.send!("ready");
});

const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let began = { at: 0, cpu: process.cpuUsage() };
process.on("message", (ask) => {
  if (ask === "begin") {
    lateness = [];
    loop.reset();
    loop.enable();
    began = { at: performance.now(), cpu: process.cpuUsage() };
    process.send!("begun");
    return;
  }
  const { user, system } = process.cpuUsage(began.cpu);
  loop.disable();
  const measured: Measured = {
    seconds: (performance.now() - began.at) / 1000,
    cpuSeconds: (user + system) / 1e6,
    longestDelayMs: Math.max(0, loop.max / 1e6 - RESOLUTION_MS),
    scrapes: lateness.length,
    lateness: {
      p50: percentile(lateness, 0.5) ?? 0,
      p99: percentile(lateness, 0.99) ?? 0,
      max: Math.max(0, ...lateness),
    },
  };
  process.send!(measured);
});
process.once("disconnect", () => void bridge.stop().then(() => process.exit()));
