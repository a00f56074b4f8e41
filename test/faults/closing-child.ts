/**
 * Writes samples of several days, late and corrected ones too, closes days meanwhile, and removes nothing. Prints a JSON line for each
 * batch before it is written ({write}) and once it is stored ({stored}).
 *
 *   node closing-child.ts <file> <number of this life>
 */
import { writeSync } from "node:fs";
import { SqliteBackend } from "../../src/historian/stores/sqlite/backend.ts";
import { DAY } from "../../src/historian/time.ts";

const [file = "", life = "0"] = process.argv.slice(2);
const FIRST = Date.UTC(2026, 10, 1) * 1000;
const TOPICS = Array.from({ length: 40 }, (_, n) => `site/s${n >> 3}/point${n & 7}`);
const META = { units: "kW", type: "float", tz: "UTC" } as const;

const backend = new SqliteBackend({ file, durability: "full", readonly: false, recentDays: 0 });
let today = FIRST + Number(life) * DAY;

const print = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

async function write(): Promise<void> {
  for (let batch = 0; ; batch++) {
    // Most are new; the others are of days before, which may be closed or are being closed.
    const back = batch % 3 === 0 ? Math.floor(Math.random() * 4) * DAY : 0;
    const time = today - back + Math.floor(Math.random() * DAY);
    const topics = TOPICS.slice(batch % 8, 8 + Math.floor(Math.random() * 32));
    const samples = topics.flatMap((topic, n) =>
      [0, 1, 2].map((step) => ({
        ...{ topic, time: Math.floor(time / 1e9) * 1e9 + step, meta: META },
        value: n % 5 === 0 ? `life ${life} batch ${batch}` : batch + n / 8,
      })),
    );
    print({ write: samples.map(({ topic, time, value }) => [topic, time, value]) });
    await backend.write(samples);
    print({ stored: true });
    if (batch % 40 === 39) today += DAY;
  }
}

async function close(): Promise<void> {
  for (;;) {
    await backend.upkeep!.work({ now: today, thorough: true });
    // Lets batches in between.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

await Promise.all([write(), close()]);
