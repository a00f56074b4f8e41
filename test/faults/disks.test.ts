import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { influxInstalled } from "../helpers/influxdb.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Rig } from "../helpers/rig.ts";
import { noSmallDisk, SmallDisk } from "../queue/small-disk.ts";
import { figures } from "./figures.ts";
import { rounds, seconds } from "./scale.ts";

const hasStrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
const noStore = !mosquittoInstalled || !influxInstalled;
const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);

describe.skipIf(noStore)("the disk of a running bridge", () => {
  let rig: Rig;
  let disk: SmallDisk | undefined;
  afterEach(async () => {
    await rig.end();
    disk?.remove();
    disk = undefined;
  });

  test.skipIf(noSmallDisk)(
    "A17: is full while the store is away, and stays full when it is back",
    async ({ annotate }) => {
      disk = new SmallDisk(32 * 1024 * 1024);
      rig = await Rig.start({ stations: 20, store: "influxdb", data: disk.data });
      await rig.startService();
      await rig.startBridge();
      await rig.heard(2);
      await rig.influxd!.kill();
      await delay(seconds(10));
      disk.fill();
      await eventually(() => expect(rig.bridge.stderr).toMatch(/queue_blocked|the disk is full/));
      await delay(seconds(10));
      const backlog = rig.waiting("spool");
      await rig.influxd!.start();
      await eventually(() => expect(rig.waiting("spool")).toBeLessThan(backlog / 2), 60_000);
      disk.empty();
      await eventually(() => expect(rig.bridge.stderr).toMatch(/can be written again/));
      await rig.heard(2);
      const { mqtt, historian } = await rig.balance();
      expect([mqtt.waiting, historian.waiting]).toEqual([0, 0]);
      await annotate(
        `${backlog} values drained on a full disk; MQTT: ${figures(mqtt)}; historian: ${figures(historian)}`,
      );
    },
  );

  test.skipIf(!hasStrace)(
    "A18: fails, turns read-only, may not be written for a while",
    async ({ annotate }) => {
      rig = await Rig.start({ store: "influxdb" });
      await rig.startService();
      await rig.startBridge();
      for (const faults of [
        ["fsync:error=EIO"],
        ["pwrite64:error=EIO"],
        ["pwrite64:error=EROFS", "openat:error=EROFS"],
        ["pwrite64:error=EACCES", "openat:error=EACCES"],
      ]) {
        await rig.heard(2);
        const from = rig.bridge.stderr.length;
        const only = (["outbox", "spool"] as const).flatMap((queue) =>
          ["", "-wal", "-shm"].flatMap((end) => ["-P", rig.ledger.file(queue) + end]),
        );
        const calls = faults.map((fault) => fault.split(":")[0]);
        const inject = faults.flatMap((fault) => ["-e", `inject=${fault}`]);
        const strace = spawn(
          "strace",
          [
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            ...only,
            "-e",
            `trace=${calls}`,
            ...inject,
            "-p",
            String(rig.bridge.pid),
          ],
          { stdio: "ignore" },
        );
        try {
          await eventually(() => expect(rig.bridge.stderr.slice(from)).toMatch(/new values wait in memory/));
          await delay(seconds(4));
        } finally {
          strace.kill("SIGINT");
          await once(strace, "close");
        }
        await eventually(() => expect(rig.bridge.stderr.slice(from)).toMatch(/can be written again/));
      }
      await rig.heard(2);
      const { mqtt, historian } = await rig.balance();
      expect([mqtt.waiting, mqtt.left, historian.waiting, historian.left]).toEqual([0, 0, 0, 0]);
      await annotate(`MQTT: ${figures(mqtt)}; historian: ${figures(historian)}`);
    },
  );

  test("A19: damaged its queues while the bridge was down: it starts, and the books say what is lost", async ({
    annotate,
  }) => {
    rig = await Rig.start({ store: "influxdb" });
    await rig.startService();
    const damages: Record<string, (file: string) => void> = {
      "4 kB of noise": (file) => noise(file),
      "cut at a random place": (file) =>
        truncateSync(file, Math.floor(statSync(file).size * (0.3 + 0.6 * Math.random()))),
      "no length": (file) => truncateSync(file, 0),
      "its log removed": (file) => rmSync(`${file}-wal`, { force: true }),
    };
    const told: string[] = [];
    const lost = { outbox: 0, spool: 0 };
    let number = 0;
    for (let i = 0; i < rounds(1); i++)
      for (const [name, damage] of Object.entries(damages)) {
        // Neither sink takes anything, so that much is at stake.
        rig.toBroker.trouble = { kind: "hold" };
        rig.toStore!.trouble = { kind: "hold" };
        await rig.startBridge();
        await eventually(() => expect(rig.waiting("outbox")).toBeGreaterThan(3 * 160), 60_000);
        // After a kill most of a queue is in its log; after a clean end all of it is in the file.
        await rig.abandonBridge(name === "its log removed" ? "SIGKILL" : "SIGTERM");
        const waited = { outbox: 0, spool: 0 };
        for (const queue of ["outbox", "spool"] as const) {
          waited[queue] = rig.waiting(queue);
          damage(rig.ledger.file(queue));
        }
        rig.toBroker.heal();
        rig.toStore!.heal();
        await rig.startBridge();
        await rig.heard(1);
        expect(rig.bridge.stderr, name).toMatch(/was damaged|running/);
        await eventually(
          () => expect(rig.waiting("outbox") + rig.waiting("spool")).toBeLessThan(200),
          60_000,
        );
        expect(await rig.abandonBridge("SIGTERM")).toBe(0);
        for (const queue of ["outbox", "spool"] as const) {
          const { accepted, delivered, waiting, dropped, deadLettered } = await rig.ledger.counters(queue);
          expect(delivered + waiting + sum(dropped) + sum(deadLettered), `${name}: ${queue}`).toBe(accepted);
          const damaged = dropped.damaged ?? 0;
          told.push(
            `${name}, ${queue}: ${waited[queue]} waited, ${damaged - lost[queue]} of them lost and counted`,
          );
          expect(damaged - lost[queue], `${name}: ${queue}`).toBeLessThanOrEqual(waited[queue]);
          lost[queue] = damaged;
        }
        const aside = readdirSync(rig.settings.data).filter((file) => file.includes(".damaged-"));
        // Noise may have hit what is free, and a log may have been empty.
        if (/cut|length/.test(name)) expect(aside.length, name).toBeGreaterThanOrEqual(number + 2);
        number = aside.length;
      }
    // A newer version's file is refused and left alone.
    const file = rig.ledger.file("outbox");
    const db = new DatabaseSync(file);
    db.exec("PRAGMA user_version = 99");
    db.close();
    const before = readFileSync(file);
    await expect(rig.startBridge()).rejects.toThrow(/newer voltbridge/);
    expect(await rig.abandonBridge(undefined)).toBe(78);
    expect(readFileSync(file).equals(before)).toBe(true);
    for (const line of told) await annotate(line);
  });
});

function noise(file: string): void {
  const at = Math.floor(statSync(file).size * Math.random() * 0.9);
  const descriptor = openSync(file, "r+");
  writeSync(
    descriptor,
    Buffer.from(Array.from({ length: 4096 }, () => Math.floor(Math.random() * 256))),
    0,
    4096,
    at,
  );
  closeSync(descriptor);
}
