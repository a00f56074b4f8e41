import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { afterEach, describe, expect, test } from "vitest";
import { Workplace } from "../cli/workplace.ts";
import { eventually } from "../helpers/eventually.ts";
import { Ledger } from "../helpers/ledger.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";
import { rounds } from "./scale.ts";

/** Microseconds since 1970 of the first message; each is one later. */
const FIRST = Date.UTC(2026, 10, 21, 8) * 1000;

function message(i: number): string {
  const time = FIRST + i;
  const second = new Date(Math.floor(time / 1e6) * 1000).toISOString().slice(0, 19);
  return JSON.stringify({
    headers: { Date: `${second}.${String(time % 1e6).padStart(6, "0")}` },
    message: i,
  });
}

describe.skipIf(!mosquittoInstalled)("voltbridge historian", () => {
  const endings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  test("A26: is killed with -9 while messages stream in: every one that was acknowledged is stored, once", async ({
    annotate,
  }) => {
    const broker = await Mosquitto.run({ config: ["max_queued_messages 0", "max_inflight_messages 0"] });
    endings.push(() => broker.dispose());
    const place = new Workplace({
      "bridge.json": { instance: "desk", data: "data", mqtt: { url: broker.url } },
    });
    endings.push(() => place.remove());
    let running: RunningVoltbridge;
    const begin = async () => {
      running = new RunningVoltbridge(["historian", "--config", place.at("bridge.json")]);
      await running.printed(/taking messages from/);
    };
    endings.push(() => running.stop("SIGKILL"));
    await begin();

    const client = await connectAsync(broker.url);
    endings.push(() => client.endAsync(true));
    const [count, kills] = [rounds(100_000), rounds(10)];
    let published = 0;
    const pump = (async () => {
      while (published < count) {
        const batch = Array.from({ length: Math.min(100, count - published) }, (_, n) =>
          message(published + n),
        );
        await Promise.all(batch.map((text) => client.publishAsync("record/x", text, { qos: 1 })));
        published += batch.length;
        await delay(20);
      }
    })();
    for (let kill = 0; kill < kills; kill++) {
      await delay(200 + Math.random() * 2000);
      await running!.stop("SIGKILL");
      await begin();
    }
    await pump;

    const rows = () => {
      const db = new DatabaseSync(place.at("data/historian.sqlite"), { readOnly: true, timeout: 5000 });
      try {
        const sql =
          "SELECT count(*) AS count, count(DISTINCT value) AS different, min(value) AS first, max(value) AS last FROM history WHERE topic = 'record/x'";
        return { ...db.prepare(sql).get() };
      } finally {
        db.close();
      }
    };
    await eventually(
      () => expect(rows()).toEqual({ count, different: count, first: 0, last: count - 1 }),
      120_000,
    );
    expect(await running!.stop()).toBe(0);
    const { accepted, delivered, waiting, dropped, deadLettered } = await new Ledger(
      place.at("data/historian"),
    ).counters("spool");
    expect({ accepted, waiting, dropped, deadLettered }).toEqual({
      accepted: delivered,
      waiting: 0,
      dropped: {},
      deadLettered: {},
    });
    await annotate(
      `${count} messages, ${kills} kills: ${count} rows; ${accepted - count} came again after a kill`,
    );
  });
});
