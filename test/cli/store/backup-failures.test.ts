import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { DAY } from "../../../src/historian/time.ts";
import { DataLock } from "../../../src/storage/data-lock.ts";
import { BackupSite } from "../../helpers/backup-site.ts";
import { MIDNIGHT, THE_DAY } from "../../historian/stores/sqlite/days/rows.ts";
import { noSmallDisk, SmallDisk } from "../../queue/small-disk.ts";
import { cli, RunningCli } from "../in-process.ts";

let site: BackupSite;
beforeEach(async () => {
  site = await BackupSite.make();
  site.fill();
});
afterEach(() => site.remove());

const MEGABYTE = 1024 * 1024;

/** Expects that a backup fails with a remedy, and that earlier ones are whole. */
async function expectFailure(made: ReturnType<BackupSite["backup"]>, says: RegExp): Promise<void> {
  const { code, stderr } = await made;
  expect(stderr).toMatch(says);
  expect(stderr).toMatch(/bridge is not affected, and earlier backups are whole/);
  expect(code).toBe(1);
}

describe("B25: a backup that fails", () => {
  test.skipIf(noSmallDisk)(
    "on a full disk: nothing half is left, the bridge runs on, and there is a way out",
    async () => {
      const disk = new SmallDisk(8 * MEGABYTE);
      onTestFinished(() => disk.remove());
      const folder = join(disk.folder, "backups");
      const backup = () => cli(["backup", folder, "--config", site.config]);
      const bridge = new RunningCli(["run", "--config", site.config]);
      onTestFinished(async () => void (await bridge.stop()));
      await bridge.printed(/connected to/);
      for (const spare of [0, 100, 700]) {
        disk.fill(spare * 1024);
        await expectFailure(backup(), new RegExp(`the disk of ${folder} is full.*Make room there`));
        // Only what a backup begins with.
        const left = existsSync(folder) ? readdirSync(folder, { recursive: true }) : [];
        expect(
          left.filter(
            (name) => !/^(backups|objects(\/..)?|lock.sqlite|voltbridge-backups.json)$/.test(String(name)),
          ),
        ).toEqual([]);
      }
      disk.empty();
      expect(await backup()).toMatchObject({ code: 0, stderr: "" });
      disk.fill(32 * 1024);
      await expectFailure(backup(), /is full/);
      disk.empty();
      expect(await cli(["backup", "verify", folder])).toMatchObject({ code: 0, stderr: "" });
      expect((await cli(["get", "lab/one/load", "--config", site.config])).stdout).toContain("3.6");
      expect(bridge.stderr).not.toMatch(/error/);
    },
  );

  test.skipIf(noSmallDisk)(
    "where its disk is unmounted: nothing is written below the mount point",
    async () => {
      const disk = new SmallDisk(8 * MEGABYTE);
      let isMounted = true;
      onTestFinished(() => (isMounted ? disk.remove() : rmSync(disk.folder, { recursive: true })));
      const folder = join(disk.folder, "backups");
      await site.backUp({ folder });
      const begun = site.backUp({
        folder,
        onProgress(phase) {
          if (phase !== "historian.sqlite") return;
          execFileSync("umount", ["-l", disk.folder]);
          isMounted = false;
        },
      });
      await expect(begun).rejects.toThrow(
        /was removed, or its disk was unmounted\. The bridge is not affected/,
      );
      expect(readdirSync(disk.folder)).toEqual([]);
    },
  );

  test.each(["days", "historian.sqlite"])(
    "where its folder goes away during %s: a clear error, and the next one is complete",
    async (step) => {
      const { place, folder } = site;
      await site.backUp();
      const begun = site.backUp({
        onProgress(phase) {
          if (phase !== step || existsSync(place.at("away"))) return;
          renameSync(folder, place.at("away"));
          // As an empty mount point does.
          mkdirSync(folder);
        },
      });
      await expect(begun).rejects.toThrow(
        /was removed, or its disk was unmounted\. The bridge is not affected/,
      );
      expect(readdirSync(folder)).toEqual([]);
      rmSync(folder, { recursive: true });
      renameSync(place.at("away"), folder);
      expect(await site.verify()).toMatchObject({ code: 0, stderr: "" });
      expect(await site.backup()).toMatchObject({ code: 0, stderr: "" });
      expect(existsSync(join(folder, "unfinished"))).toBe(false);
    },
  );

  test.skipIf(noSmallDisk)(
    "a restore onto a full disk: what to do, and then it copies the rest",
    async () => {
      const disk = new SmallDisk(8 * MEGABYTE);
      onTestFinished(() => disk.remove());
      await site.backUp();
      const restore = () => cli(["restore", site.folder, "--to", join(disk.folder, "copy")]);
      disk.fill(60 * 1024);
      const { code, stderr } = await restore();
      expect(stderr).toMatch(/cannot go on: ENOSPC.*run the same command again; it copies what is missing/);
      expect(code).toBe(1);
      expect(() => DataLock.take(join(disk.folder, "copy/data"))).toThrow(/only partly restored/);
      disk.empty();
      expect(await restore()).toMatchObject({ code: 0, stderr: "" });
      DataLock.take(join(disk.folder, "copy/data")).release();
    },
  );

  test("by whatever is in the way of its folder: exit code 1, and what to check", async () => {
    const { folder, place } = site;
    await site.backup();
    const objects = join(folder, "objects");
    rmSync(objects, { recursive: true });
    writeFileSync(objects, "");
    await expectFailure(site.backup(), /objects.*mounted and may be written to/);
    expect(await site.verify()).toMatchObject({ code: 1 });
    rmSync(objects);
    expect((await site.backup()).code).toBe(0);
    symlinkSync(place.at("nowhere"), place.at("link"));
    symlinkSync(place.at("round"), place.at("round"));
    for (const name of ["link", "round", "site/registry/fake.csv", "site/registry/fake.csv/below"]) {
      const { code, stderr } = await cli(["backup", place.at(name), "--config", site.config]);
      expect(stderr, name).toMatch(/cannot go on: E|is inside/);
      expect(code, name).toBe(1);
    }
  });

  test("a file that only looks like a database, or is damaged, is left out and named", async () => {
    writeFileSync(site.data("notes.sqlite"), "these are no tables, but long enough for it".repeat(100));
    truncateSync(site.data("historian.sqlite"), 5000);
    const { code, stdout } = await site.backup();
    expect(stdout).toMatch(/left out: .*notes\.sqlite: it is damaged or not a database/);
    expect(stdout).toMatch(/left out: .*historian\.sqlite: it is damaged or not a database/);
    expect(code).toBe(1);
  });
});

describe("B26: what changes while it is backed up", () => {
  test("a clock that jumps, also within one backup: the order is that of the backups", async () => {
    const times = [
      "2026-12-01T10:00:00Z",
      "2026-11-01T10:00:00Z",
      "2030-01-01T00:00:00Z",
      "2026-12-01T10:05:00Z",
    ];
    for (const time of times) {
      site.place.write("site/registry/fake.csv", `# ${time}\n`);
      await site.backUp({ now: () => new Date(time) });
    }
    const names = readdirSync(join(site.folder, "backups")).sort();
    expect(names.map((name) => name.slice(0, 17))).toEqual([
      ...["000001-2026-12-01", "000002-2026-11-01", "000003-2030-01-01", "000004-2026-12-01"],
    ]);
    // The last one made, and the last one made up to a time.
    for (const [at, number] of [
      [[], 4],
      [["--at", "2026-12-01T10:01:00Z"], 2],
      [["--at", "2031-01-01T00:00:00Z"], 4],
    ] as const)
      expect(
        JSON.parse(
          (
            await cli([
              "restore",
              site.folder,
              "--to",
              site.place.at(`copy${number}${at.length}`),
              "--json",
              ...at,
            ])
          ).stdout,
        ),
      ).toMatchObject({ name: names[number - 1]!.replace(".json", "") });
    expect(
      (await site.backUp({ keep: 2, now: () => new Date("2020-01-01T00:00:00Z") })).removed,
    ).toHaveLength(3);
    expect(await site.verify()).toMatchObject({ code: 0 });
  });

  test("closed days that are written again: copied as of one moment", async () => {
    const store = site.store();
    onTestFinished(() => store.end());
    let written = 0;
    let state = "";
    const begun = site.backUp({
      onProgress(phase) {
        if (written >= 4 || `${phase}` === state) return;
        state = phase;
        written++;
        store.write(["site/s1/load", MIDNIGHT + DAY + 12 * 3_600_000_000 + written, written]);
        store.closeDays(THE_DAY + 3, true);
      },
    });
    const { manifest } = await begun;
    expect(written).toBe(4);
    expect(manifest.leftOut).toEqual([]);
    expect(await site.verify()).toMatchObject({ code: 0, stderr: "" });
    expect((await site.restore()).code).toBe(0);
    const copied = await site.query("copy");
    // All of the days, with a part of what came late.
    expect(copied.length).toBeGreaterThanOrEqual(1500);
    expect(await site.query()).toEqual(expect.arrayContaining([...copied]));
  });

  test("closed days that never stay: a failure that says so", async () => {
    const store = site.store();
    onTestFinished(() => store.end());
    let written = 0;
    const begun = site.backUp({
      onProgress() {
        store.write(["site/s1/load", MIDNIGHT + DAY + 12 * 3_600_000_000 + ++written, written]);
        store.closeDays(THE_DAY + 3, true);
      },
    });
    await expect(begun).rejects.toThrow(/changed during each of 5 attempts; run the backup again/);
    expect(await site.verify()).toMatchObject({ stderr: expect.stringMatching(/no complete backup/) });
  });
});
