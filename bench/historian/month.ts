import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parquetMetadata } from "hyparquet";
import { DAY } from "../../src/historian/time.ts";
import { Garage, MINUTES_A_DAY, START } from "./garage.ts";
import {
  bytesByTable,
  closeBefore,
  FILE,
  fill,
  openOwn,
  sizesOf,
  VOLTTRON_FILE,
  VolttronFile,
} from "./stores.ts";

/** Number of minutes in a batch: a bridge writes each by itself, which takes longer and no more space. */
const BATCH_MINUTES = 10;

/** Size of a garage's history in our store and in VOLTTRON's tables, of the same samples. */
export async function compareSizes(folder: string, days: number): Promise<void> {
  await compare(join(folder, "all"), days, "all points", () => true);
  await compare(join(folder, "loads"), days, "noisy loads alone", (point) =>
    /^(port|station)Load/.test(point),
  );
}

async function compare(
  folder: string,
  days: number,
  name: string,
  wanted: (point: string) => boolean,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const garage = await Garage.open(wanted);
  const [own, volttron] = [openOwn(folder), await VolttronFile.create(folder)];
  const count = await fill([own, volttron], days, () => batches(garage), START);
  const before = sizesOf(folder, FILE);
  await closeBefore(own, START + (days + 1) * DAY, true);
  await Promise.all([own.close(), volttron.close()]);
  const [after, theirs] = [sizesOf(folder, FILE), sizesOf(folder, VOLTTRON_FILE)];

  const peer = theirs.onDisk;
  const row = (bytes: number) => ({
    "bytes a sample": Number((bytes / count).toPrecision(3)),
    MB: Number((bytes / 1e6).toPrecision(3)),
    "times smaller": Number((peer / bytes).toPrecision(3)),
  });
  const percent = Math.round(100 * garage.charging);
  console.log(
    `\n${name}: ${days} days, ${garage.topics.length} topics, ${count} samples, ${percent} % of the ports charging`,
  );
  console.table({
    "VOLTTRON's tables": row(peer),
    "day files and pages in use": row(before.used + before.files),
    "day files, SQLite file and WAL as they are": row(before.onDisk + before.files),
    "the same after compact": row(after.onDisk + after.files),
  });
  const parts = [...columnBytes(join(folder, "history")), ...bytesByTable(folder, FILE)];
  console.table(
    Object.fromEntries(
      parts
        .filter(([, bytes]) => bytes / count > 0.0005)
        .map(([part, bytes]) => [part, { "bytes a sample": Number((bytes / count).toPrecision(3)) }]),
    ),
  );
}

function* batches(garage: Garage) {
  for (let minute = 0; minute < MINUTES_A_DAY; minute += BATCH_MINUTES) yield garage.take(BATCH_MINUTES);
}

/** Returns the bytes of each column in all files of a folder, and of what the files have besides. */
function columnBytes(folder: string): Map<string, number> {
  const found = new Map<string, number>();
  const add = (part: string, bytes: number) => found.set(part, (found.get(part) ?? 0) + bytes);
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".parquet")) continue;
    const bytes = readFileSync(join(folder, path));
    let rest = bytes.length;
    for (const { columns } of parquetMetadata(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    ).row_groups)
      for (const { meta_data: meta } of columns) {
        const size = Number(meta!.total_compressed_size);
        add(`column ${meta!.path_in_schema.join(".")}`, size);
        rest -= size;
      }
    add("footers and indexes", rest);
  }
  return found;
}
