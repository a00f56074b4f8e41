/**
 * One bridge of `bench/cluster.ts` in a process of its own, from its config files. It tells the processor time of each interval, and how
 * many stations were read in it.
 *
 * Arguments: bridge config, interval in seconds.
 */
import { startBridge } from "../../src/bridge.ts";
import { expectShortLives } from "../../src/cli/run/short-lived.ts";
import { loadAll } from "../../src/cli/setup/load.ts";
import { createLog, Secrets } from "../../src/log/log.ts";

export interface Interval {
  /** Start, in milliseconds since 1970. */
  readonly slot: number;
  readonly stations: number;
  readonly cpuSeconds: number;
  readonly residentMb: number;
}

const [config = "", interval = "60"] = process.argv.slice(2);
const intervalMs = Number(interval) * 1000;
expectShortLives();
const secrets = new Secrets();
const { settings, devices } = await loadAll({ config, secrets, env: process.env });
const log = createLog({ level: "warn", write: (line) => process.stderr.write(line) });
const bridge = await startBridge({
  ...{ settings, devices, log, secrets, version: "bench" },
  onDiagnostics: (found) => console.error(...found),
});
const read = new Map<number, number>();
bridge.bus.on("scrape", ({ synchronizedAt }) => {
  const slot = synchronizedAt.getTime();
  read.set(slot, (read.get(slot) ?? 0) + 1);
});
process.once("disconnect", () => void bridge.stop().then(() => process.exit()));
for (;;) {
  const slot = Math.ceil(Date.now() / intervalMs) * intervalMs;
  await untilWall(slot);
  const cpu = process.cpuUsage();
  await untilWall(slot + intervalMs);
  const { user, system } = process.cpuUsage(cpu);
  if (!process.connected) break;
  const told: Interval = {
    slot,
    stations: read.get(slot) ?? 0,
    cpuSeconds: (user + system) / 1e6,
    residentMb: process.memoryUsage().rss / 1e6,
  };
  process.send!(told);
}

function untilWall(at: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
}
