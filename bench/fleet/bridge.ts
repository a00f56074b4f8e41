/**
 * The bridge of `bench/fleet.ts` in a process of its own: the real one, from its config files, that tells of each round
 * what it took. A round lasts from one slot to the next.
 *
 * Arguments: bridge config, scrapes of a round, interval in seconds.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { startBridge } from "../../src/bridge.ts";
import { expectShortLives } from "../../src/cli/run/short-lived.ts";
import { loadAll } from "../../src/cli/setup/load.ts";
import { createLog, Secrets } from "../../src/log/log.ts";

/** What the orchestrator is told. */
export type Told =
  | { readonly is: "ready"; readonly devices: number; readonly seconds: number }
  | { readonly is: "slot"; readonly at: number }
  | { readonly is: "round"; readonly round: Round };

/** One round: how long it took until the broker had the last message, and what it took in all. */
export interface Round {
  /** Milliseconds since 1970. */
  readonly slot: number;
  readonly scrapes: number;
  /** From the slot. `null`: not done when the next slot came. */
  readonly wallSeconds: number | null;
  /** Of the whole interval. */
  readonly cpuSeconds: number;
  readonly residentMb: number;
  /** By how much a timer of 10 ms came late, from the slot until the round was done; milliseconds. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly pointFailures: number;
}

const SAMPLE_MS = 10;
const LOOK_MS = 20;
const READY_SECONDS = 180;

const [config = "", expected = "0", interval = "60"] = process.argv.slice(2);
const scrapesOfRound = Number(expected);
const intervalMs = Number(interval) * 1000;
const tell = (told: Told): void => void (process.connected && process.send!(told));

expectShortLives();
const begun = performance.now();
const secrets = new Secrets();
const { settings, devices } = await loadAll({ config, secrets, env: process.env });
const log = createLog({ level: "warn", write: (line) => process.stderr.write(line) });
const bridge = await startBridge({
  ...{ settings, devices, log, secrets, version: "bench" },
  onDiagnostics: (found) => console.error(...found),
});

const read = new Set<string>();
const scrapes = new Map<number, { count: number; failures: number }>();
bridge.bus.on("scrape", ({ device, synchronizedAt, failures }) => {
  read.add(device.path);
  const at = synchronizedAt.getTime();
  const seen = scrapes.get(at) ?? { count: 0, failures: 0 };
  scrapes.set(at, { count: seen.count + 1, failures: seen.failures + failures.size });
});
process.once("disconnect", () => void bridge.stop().then(() => process.exit()));
void follow();

async function follow(): Promise<void> {
  const deadline = begun + READY_SECONDS * 1000;
  // Not "until all are online": those that the service cannot reach never are.
  while (read.size < scrapesOfRound) {
    if (performance.now() > deadline) {
      console.error(`not all devices were read within ${READY_SECONDS} s`, bridge.devices.counters());
      process.exit(1);
    }
    await pause(LOOK_MS);
  }
  tell({ is: "ready", devices: bridge.devices.byPath.size, seconds: (performance.now() - begun) / 1000 });
  const histogram = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  for (;;) {
    const slot = (Math.floor(Date.now() / intervalMs) + 1) * intervalMs;
    await pause(slot - Date.now() - 5);
    const cpu = process.cpuUsage();
    const acknowledged = bridge.mqtt.counters.published;
    histogram.reset();
    histogram.enable();
    tell({ is: "slot", at: slot });
    let wallSeconds: number | null = null;
    let delay = { p50: 0, p99: 0, max: 0 };
    while (Date.now() < slot + intervalMs - 2 * LOOK_MS) {
      await pause(LOOK_MS);
      if (wallSeconds !== null) continue;
      delay = delayOf(histogram);
      const done = (scrapes.get(slot)?.count ?? 0) >= scrapesOfRound;
      if (!done || bridge.mqtt.counters.published - acknowledged < scrapesOfRound) continue;
      wallSeconds = (Date.now() - slot) / 1000;
      histogram.disable();
    }
    const { user, system } = process.cpuUsage(cpu);
    const { count, failures } = scrapes.get(slot) ?? { count: 0, failures: 0 };
    scrapes.delete(slot);
    tell({
      is: "round",
      round: {
        ...{ slot, scrapes: count, wallSeconds, cpuSeconds: (user + system) / 1e6 },
        ...{ residentMb: process.memoryUsage().rss / 2 ** 20, delay, pointFailures: failures },
      },
    });
  }
}

function delayOf(histogram: ReturnType<typeof monitorEventLoopDelay>): Round["delay"] {
  const beyond = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - SAMPLE_MS);
  return {
    p50: beyond(histogram.percentile(50)),
    p99: beyond(histogram.percentile(99)),
    max: beyond(histogram.max),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
