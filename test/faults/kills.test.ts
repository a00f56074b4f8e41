import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import type { FaultPoint } from "../helpers/fault-environment.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Rig } from "../helpers/rig.ts";
import { figures, median } from "./figures.ts";
import { rounds } from "./scale.ts";

const hasStrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;

describe.skipIf(!mosquittoInstalled)("the bridge is killed with -9", () => {
  let rig: Rig;
  afterEach(() => rig.end());

  test("A4: at random moments under load: every accepted value reaches broker and store, as it was", async ({
    annotate,
  }) => {
    rig = await Rig.start({ stations: 50, intervalSeconds: 2 });
    await rig.startService();
    const starts: number[] = [];
    const kills = rounds(50);
    for (let i = 0; i < kills; i++) {
      starts.push(await rig.startBridge());
      await delay(500 + Math.random() * 4500);
      // The ledger looks at both files after each kill: integrity, and that what was accepted is there.
      await rig.endBridge("SIGKILL");
    }
    starts.push(await rig.startBridge());
    const { mqtt, historian } = await rig.balance();
    expect(mqtt).toMatchObject({ waiting: 0, left: 0 });
    expect(historian).toMatchObject({ waiting: 0, left: 0 });
    expect(rig.log).not.toContain("queue_damaged");
    await annotate(
      `${kills} kills; started after ${Math.round(median(starts))} ms (median), ${Math.round(Math.max(...starts))} ms (longest)`,
    );
    await annotate(`MQTT: ${figures(mqtt)}`);
    await annotate(`historian: ${figures(historian)}`);
  });

  /** Lives that end at a fault point, between two that go on from there. */
  async function dieAt(point: FaultPoint, queue: string): Promise<void> {
    await rig.startBridge([point, queue, 1 + Math.floor(Math.random() * 6)]);
    expect(await rig.endBridge(undefined), `${point} of ${queue} was reached`).toBeNull();
  }

  test("A5: after the commit and before the publish, after the acknowledgement and before it is noted", async ({
    annotate,
  }) => {
    rig = await Rig.start();
    await rig.startService();
    const hits = rounds(5);
    for (let i = 0; i < hits; i++)
      for (const [point, queue] of [
        ["committed", "outbox"],
        ["confirmed", "outbox"],
        ["committed", "spool"],
        ["confirmed", "spool"],
      ] as const)
        await dieAt(point, queue);
    await rig.startBridge();
    await rig.heard(1);
    const { mqtt, historian } = await rig.balance();
    expect([mqtt.left, historian.left]).toEqual([0, 0]);
    // What was acknowledged and not noted is sent again: that is what "at least once" means.
    expect(mqtt.duplicates).toBeGreaterThan(0);
    await annotate(
      `four places, ${hits} times each; MQTT: ${figures(mqtt)}; historian: ${figures(historian)}`,
    );
  });

  test("A5, A27: while the tables of a new version are made", async () => {
    rig = await Rig.start();
    await rig.startService();
    for (let i = 0; i < rounds(5); i++)
      for (const file of ["historian", "outbox", "spool"] as const) {
        rmSync(rig.settings.data, { recursive: true, force: true });
        rig.recorder.messages.length = 0;
        await rig.startBridge(["migration", file, 1]);
        expect(await rig.abandonBridge(undefined), file).toBeNull();
        // The last one goes on below.
        if (file === "spool") continue;
        await rig.startBridge();
        await rig.heard(1);
        expect(await rig.abandonBridge("SIGTERM")).toBe(0);
      }
    await rig.startBridge();
    await rig.heard(2);
    const { mqtt, historian } = await rig.balance();
    expect([mqtt.left, historian.left]).toEqual([0, 0]);
    expect(rig.log).not.toContain("damaged");
  });

  test.skipIf(!hasStrace)("A5: in the middle of a checkpoint", async ({ annotate }) => {
    rig = await Rig.start({ stations: 20 });
    await rig.startService();
    const hits = rounds(6);
    for (let i = 0; i < hits; i++) {
      await rig.startBridge();
      // Nothing but a checkpoint writes to the file itself.
      const file = rig.ledger.file(i % 2 === 0 ? "outbox" : "spool");
      const strace = killAtWrite(rig.bridge.pid!, file, 1 + Math.floor(Math.random() * 20));
      expect(await rig.endBridge(undefined)).toBeNull();
      if (strace.exitCode === null) await once(strace, "exit");
    }
    await rig.startBridge();
    const { mqtt, historian } = await rig.balance();
    expect([mqtt.left, historian.left]).toEqual([0, 0]);
    expect(rig.log).not.toContain("queue_damaged");
    await annotate(`${hits} checkpoints; MQTT: ${figures(mqtt)}`);
  });
});

/** Ends the process when it writes into the file for the n-th time. */
function killAtWrite(pid: number, file: string, n: number): ChildProcess {
  const what = ["-e", "trace=pwrite64", "-e", `inject=pwrite64:signal=SIGKILL:when=${n}`];
  return spawn("strace", ["-f", "-qq", "-o", "/dev/null", "-P", file, ...what, "-p", String(pid)], {
    stdio: "ignore",
  });
}
