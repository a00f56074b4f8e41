/**
 * How fast the InfluxDB historian brings points to a server, beside line protocol made by hand and the client library in
 * the same run.
 *
 *   node bench/influxdb.ts [points] [rounds]
 *
 * Starts an influxd of its own. The points are those of stations with 40 points each, a scrape a minute. Rounds of the contestants alternate,
 * each with a database of its own; figures are medians. CPU is this process's, not the server's. Trust the ratios, not the rates.
 */
import { performance } from "node:perf_hooks";
import { InfluxDB } from "influx";
import { Agent, request } from "undici";
import type { HistorianBackendType, Sample, TopicMeta } from "../src/historian/contract.ts";
import { influxdb } from "../src/historian/stores/influxdb/index.ts";
import { createLog } from "../src/log/log.ts";
import { Influxd } from "../test/helpers/influxdb.ts";

const POINTS = Number(process.argv[2] ?? 200_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const POINTS_PER_STATION = 40;
const START = Date.UTC(2026, 10, 21) * 1000;
const META: TopicMeta = { units: "kW", type: "float", tz: "UTC" };

interface Point {
  readonly station: string;
  readonly name: string;
  readonly port: number;
  readonly time: number;
  readonly value: number;
}
type Store = (batch: readonly Point[], samples: readonly Sample[]) => Promise<unknown>;
interface Contestant {
  open(database: string): Promise<{ store: Store; close(): Promise<unknown> }>;
}
interface Outcome {
  readonly pointsPerSecond: number;
  readonly cpuMicros: number;
}

const influxd = await Influxd.run();
const agent = new Agent({ connections: 1 });
try {
  for (const batchSize of [1000, 5000, 10_000]) await compare(batchSize);
} finally {
  await agent.close();
  await influxd.dispose();
}

async function compare(batchSize: number): Promise<void> {
  const contestants: Record<string, Contestant> = {
    "by hand, a line a point": byHand(handLines),
    "historian, layout volttron": historian("volttron"),
    "by hand, a line a port": byHand(handWideLines),
    "historian, layout ev": historian("ev"),
    "influx.writePoints": library(),
  };
  const outcomes = new Map<string, Outcome[]>(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, contestant] of Object.entries(contestants))
      outcomes.get(name)?.push(await measure(contestant, `${batchSize}-${round}-${name}`, batchSize));
  const peer = (name: string): string =>
    name.endsWith("ev") ? "by hand, a line a port" : "by hand, a line a point";
  console.log(`\nbatches of ${batchSize} points, ${POINTS} points a round, median of ${ROUNDS}`);
  console.table(
    Object.fromEntries(
      [...outcomes].map(([name, list]) => {
        const rate = median(list, "pointsPerSecond");
        return [
          name,
          {
            "points/s": Math.round(rate),
            "ratio to the same by hand": Number(
              (rate / median(outcomes.get(peer(name)), "pointsPerSecond")).toFixed(2),
            ),
            "client CPU, µs/point": Number(median(list, "cpuMicros").toFixed(2)),
          },
        ];
      }),
    ),
  );
}

async function measure({ open }: Contestant, database: string, batchSize: number): Promise<Outcome> {
  await influxd.query(`CREATE DATABASE "${database}"`);
  const { store, close } = await open(database);
  // The first batch also makes series and tells what the topics are.
  await run(store, 0, batchSize);
  let seconds = 0;
  let cpuMicros = 0;
  for (let first = batchSize; first < batchSize + POINTS; first += batchSize) {
    const { took, cpu } = await run(store, first, batchSize);
    seconds += took;
    cpuMicros += cpu;
  }
  await close();
  await influxd.query(`DROP DATABASE "${database}"`);
  return { pointsPerSecond: POINTS / seconds, cpuMicros: cpuMicros / POINTS };
}

async function run(store: Store, first: number, count: number): Promise<{ took: number; cpu: number }> {
  const batch = Array.from({ length: count }, (_, i) => pointOf(first + i));
  const samples = batch.map(
    ({ station, name, port, time, value }): Sample => ({
      topic: `site/garage/${station}/${name}_${port}`,
      time,
      value,
      meta: META,
    }),
  );
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  await store(batch, samples);
  const took = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { took, cpu: user + system };
}

/** 25 stations with 2 ports of 20 points: 1,000 points a scrape. */
function pointOf(index: number): Point {
  const inScrape = index % (25 * POINTS_PER_STATION);
  const inStation = inScrape % POINTS_PER_STATION;
  return {
    station: `station-${Math.floor(inScrape / POINTS_PER_STATION)}`,
    name: `point${inStation % 20}`,
    port: 1 + Math.floor(inStation / 20),
    time: START + Math.floor(index / (25 * POINTS_PER_STATION)) * 60_000_000,
    value: ((index * 7919) % 7200) / 1000,
  };
}

function historian(layout: "volttron" | "ev"): Contestant {
  return {
    async open(database) {
      const properties = influxdb.configSchema.properties as Record<string, { default: unknown }>;
      const defaults = Object.fromEntries(
        Object.entries(properties).map(([name, schema]) => [name, schema.default]),
      );
      const type: HistorianBackendType = influxdb;
      const backend = type.create(
        { ...defaults, url: influxd.url, database, layout },
        { dataFolder: ".", readonly: false, log: createLog({ level: "silent" }) },
      );
      return { store: (_, samples) => backend.write(samples), close: () => backend.close() };
    },
  };
}

function byHand(linesOf: (batch: readonly Point[]) => string): Contestant {
  return {
    async open(database) {
      const url = `${influxd.url}/write?${new URLSearchParams({ db: database, precision: "u" })}`;
      return {
        async store(batch) {
          const { statusCode, body } = await request(url, {
            method: "POST",
            body: linesOf(batch),
            dispatcher: agent,
          });
          await body.dump();
          if (statusCode !== 204) throw new Error(`influxd answered ${statusCode}`);
        },
        close: async () => undefined,
      };
    },
  };
}

function handLines(batch: readonly Point[]): string {
  let lines = "";
  for (const { station, name, port, time, value } of batch)
    lines += `${name}_${port},building=garage,campus=site,device=${station},source=scrape value=${value} ${time}\n`;
  return lines;
}

function handWideLines(batch: readonly Point[]): string {
  let lines = "";
  let before = "";
  for (const { station, name, port, time, value } of batch) {
    const series = `ev_port,device=site/garage/${station},port=${port}`;
    if (series === before) lines += `,${name}_kw=${value}`;
    else lines += `${lines === "" ? "" : ` ${time}\n`}${series} ${name}_kw=${value}`;
    before = series;
  }
  return `${lines} ${batch.at(-1)?.time}\n`;
}

function library(): Contestant {
  return {
    async open(database) {
      const client = new InfluxDB({ host: "127.0.0.1", port: influxd.port, database });
      return {
        store: (batch) =>
          client.writePoints(
            batch.map(({ station, name, port, time, value }) => ({
              measurement: `${name}_${port}`,
              tags: { building: "garage", campus: "site", device: station, source: "scrape" },
              fields: { value },
              timestamp: String(time),
            })),
            { precision: "u" },
          ),
        close: async () => undefined,
      };
    },
  };
}

function median(outcomes: readonly Outcome[] = [], of: keyof Outcome): number {
  const sorted = outcomes.map((outcome) => outcome[of]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
