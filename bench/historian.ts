/**
 * The embedded historian: how fast it takes scrapes and answers, and how small it is, beside references in the same run. Run by hand:
 *
 *   node bench/historian.ts [--scrapes 1000] [--rounds 5]            ingest beside bare node:sqlite loops of the same rows
 *   node bench/historian.ts --spool [--scrapes 1000] [--rounds 5]    ingest through the spool
 *   node bench/historian.ts --ingest [--scrapes 1000] [--rounds 5]   ingest while a month of days is being closed
 *   node bench/historian.ts --month [--days 30]                      size of a garage's month beside VOLTTRON's tables
 *   node bench/historian.ts --queries [--days 30] [--keep <folder>]  queries beside VOLTTRON's tables and DuckDB
 *   node bench/historian.ts --year [--days 365] [--all]              a year of a garage: its size, and what a dashboard asks
 *
 * One batch of ingest is one scrape of 1,000 points, durable (WAL, synchronous = FULL), from one device or from 25 devices with 40 points
 * each. Rounds of the contestants alternate; figures are medians. Trust the ratios, not the rates. `--keep` names a folder whose samples
 * are used again by the next run. DuckDB is that of `examples/read-history`: run `npm install` there.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compareClosing } from "./historian/closing.ts";
import { compareIngest } from "./historian/ingest.ts";
import { compareSizes } from "./historian/month.ts";
import { compareQueries } from "./historian/queries.ts";
import { compareSpool } from "./historian/spool.ts";
import { showYear } from "./historian/year.ts";

const mode = { type: "boolean", default: false } as const;
const { values: flags } = parseArgs({
  options: {
    ...{ spool: mode, ingest: mode, month: mode, queries: mode, year: mode, all: mode },
    scrapes: { type: "string", default: "1000" },
    rounds: { type: "string", default: "5" },
    days: { type: "string" },
    keep: { type: "string" },
  },
});
const amount = { scrapes: Number(flags.scrapes), rounds: Number(flags.rounds) };
const days = (preset: number) => Number(flags.days ?? preset);

const folder = mkdtempSync(join(tmpdir(), "voltbridge-bench-"));
try {
  if (flags.spool) await compareSpool(folder, amount);
  else if (flags.month) await compareSizes(folder, days(30));
  else if (flags.queries) await compareQueries(flags.keep ?? folder, days(30));
  else if (flags.year) await showYear(folder, days(365), flags.all);
  else {
    const compare = flags.ingest ? compareClosing : compareIngest;
    for (const devices of [1, 25]) await compare(folder, devices, amount);
  }
} finally {
  rmSync(folder, { recursive: true });
}
