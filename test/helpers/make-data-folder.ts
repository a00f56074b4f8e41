/**
 * Keeps a data folder of today's program, with every kind of file, for the tests of later versions. Run it by hand before a change of
 * a format (docs/extending.md):
 *
 *   node test/helpers/make-data-folder.ts <name, e.g. the date>
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openHistorian } from "../../src/historian/index.ts";
import { createLog } from "../../src/log/log.ts";
import { openQueue } from "../../src/queue/index.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { SETTINGS } from "../historian/settings.ts";
import { answersOf, ask, filesOf, KEPT_FOLDERS, keep, networkOf, siteOf } from "./data-folder.ts";
import { eventually } from "./eventually.ts";
import { Mosquitto } from "./mosquitto.ts";
import { Recorder } from "./mqtt-recorder.ts";
import type { Site } from "./site.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const log = createLog({ level: "silent" });
const [name] = process.argv.slice(2);
if (name === undefined) throw new Error("name the folder, e.g. by the date");
const target = join(KEPT_FOLDERS, name);

/** Values of three days that are over, in closed days: of every type, long ones too. */
async function closeDays(site: Site): Promise<void> {
  const { backend } = await openHistorian(SETTINGS, site.data, { log });
  const today = Math.floor(Date.now() / DAY) * DAY;
  const units = { tz: "UTC", units: "" };
  for (let ago = 5; ago > 2; ago--)
    for (let n = 0; n < 48; n++) {
      const time = (today - ago * DAY + n * (HOUR / 2)) * 1000;
      await backend.write([
        {
          topic: "site/s1/portLoad_1",
          time,
          value: (n % 24) / 2,
          meta: { ...units, units: "kW", type: "float" },
        },
        {
          topic: "site/s1/Status_1",
          time,
          value: n % 7 ? "AVAILABLE" : null,
          meta: { ...units, type: "string" },
        },
        { topic: "building/open", time, value: n % 3 === 0, meta: { ...units, type: "boolean" } },
        {
          topic: "building/note",
          time,
          value: n === 7 ? "long ".repeat(1000) : `note ${n}`,
          meta: { ...units, type: "string" },
        },
      ]);
    }
  await backend.close();
  await run("history", "compact", "--config", site.config);
}

async function run(...args: string[]): Promise<void> {
  const { code, stderr } = await cli(args);
  if (code !== 0) throw new Error(`voltbridge ${args.join(" ")} ended with ${code}: ${stderr}`);
}

/** Limits, an override, a reservation, and values that a historian of its own takes from the broker. */
async function control(site: Site, broker: Mosquitto): Promise<void> {
  const bridge = new RunningCli(["run", "--config", site.config]);
  const historian = new RunningCli(["historian", "--config", site.config]);
  await bridge.printed(/connected to/);
  await historian.printed(/taking messages from/);
  const config = ["--config", site.config];
  await run("set", "site/s1/allowedLoad_1", "3", ...config);
  await run("set", "site/s2/allowedLoad_2", "0", ...config);
  await run("override", "on", "site/s2", "--no-revert", ...config);
  await run(
    "schedule",
    "request",
    "peak",
    ...["site/s1", "2054-04-17T04:00:00Z", "2054-04-18T04:00:00Z"],
    ...config,
  );
  const client = await Recorder.connect(broker.url, {}, "none");
  for (let n = 0; n < 5; n++) await client.send("record/building/meter", JSON.stringify(n + 0.5));
  await client.close();
  await eventually(async () => {
    const { values } = (await ask("history", "query", "record/building/meter", ...config)) as {
      values: Record<string, unknown[]>;
    };
    if (Object.values(values)[0]?.length !== 5) throw new Error("not stored yet");
  });
  await eventually(async () => {
    const sessions: unknown[] = await ask("sessions", "list", "--from", "-2d", ...config);
    if (sessions.length === 0) throw new Error("no sessions yet");
  });
  await historian.stop();
  await bridge.stop();
}

/** Readings that wait for a broker which is away. */
async function wait(site: Site): Promise<void> {
  const bridge = new RunningCli(["run", "--config", site.config]);
  await bridge.printed(/running devices=2/);
  await new Promise((resolve) => setTimeout(resolve, 7000));
  await bridge.stop();
}

/** A reading that the broker, and one that the store refused for good. */
async function refuse(site: Site): Promise<void> {
  for (const [file, reason] of [
    ["outbox", "too_large"],
    ["spool", "type_conflict"],
  ] as const) {
    const queue = await openQueue({ file: join(site.data, `${file}.sqlite`), log });
    const record = {
      key: "site/s2/all",
      samples: 1,
      time: Date.now(),
      text: `"devices/site/s2/all"\n{}\n{}`,
    };
    const [kept] = await queue.append([record]);
    await queue.settle([{ id: kept!.id, delivered: 0, dead: [{ ...record, reason, detail: "it says no" }] }]);
    await queue.close();
  }
}

const simulator = await networkOf(true);
const broker = await Mosquitto.run();
// No folder can be created below a file, so that the values of the second store wait.
const site = siteOf(simulator, broker.url, "blocked/second.sqlite");
mkdirSync(site.data);
writeFileSync(join(site.data, "blocked"), "");
await closeDays(site);
await control(site, broker);
await broker.dispose();
await wait(site);
await refuse(site);
rmSync(join(site.data, "blocked"));
const backups = join(site.folder, "backups");
await run("backup", backups, "--config", site.config);
await simulator.close();
const until = new Date().toISOString();
rmSync(target, { recursive: true, force: true });
for (const file of filesOf(site.data)) if (/-ballast$|-shm$/.test(file)) rmSync(file);
keep(site.data, join(target, "data"));
keep(backups, join(target, "backups"));
site.remove();
const [answers] = await answersOf(target, until, 1);
writeFileSync(join(target, "expected.json"), `${JSON.stringify({ until, ...answers }, null, 2)}\n`);
