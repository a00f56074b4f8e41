import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DataLock } from "../../../src/devices/index.ts";
import { type DiskQueue, openQueue } from "../../../src/queue/index.ts";
import { expectBalance, readAll, record } from "../../contracts/queue-contract.ts";
import { silent } from "../../queue/queue-place.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

describe("A11: deadletter", () => {
  let place: Workplace;
  const file = (name: string) => place.at(`data/${name}.sqlite`);
  const open = (name: string, onRecords?: () => void) =>
    openQueue({ file: file(name), log: silent, retryMs: 50, ...(onRecords && { onRecords }) });
  const deadletter = (...args: string[]) => cli(["deadletter", ...args, "--data", place.at("data")]);

  /** A queue in which these stand as dead letters. */
  async function withLetters(
    name: string,
    texts: readonly string[],
    onRecords?: () => void,
  ): Promise<DiskQueue> {
    const queue = await open(name, onRecords);
    const appended = await queue.append(texts.map((text) => record(text, 2)));
    await queue.settle(
      appended.map(({ id, ...rest }) => ({
        id,
        delivered: 1,
        dead: [{ ...rest, samples: 1, reason: "type_conflict", detail: `no ${rest.text}` }],
      })),
    );
    return queue;
  }

  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  test("list: a table of both sinks, or JSON with the texts", async () => {
    await (await withLetters("outbox", ["a"])).close();
    await (await withLetters("spool", ["b", "c"])).close();
    const table = await deadletter("list");
    expect(table.stdout).toMatch(/^sink +id +set aside +values +retries +about +reason +detail\n/);
    expect(table.stdout).toMatch(/mqtt +1 +2\S+Z +1 +0 +devices\/a +type_conflict +no a\n/);
    expect(table.stdout.split("\n")).toHaveLength(6);
    const { stdout } = await deadletter("list", "--sink", "historian", "--json");
    expect(JSON.parse(stdout)).toMatchObject([
      {
        sink: "historian",
        id: 1,
        text: "b",
        samples: 1,
        reason: "type_conflict",
        detail: "no b",
        retries: 0,
      },
      { sink: "historian", id: 2, text: "c" },
    ]);
    const short = await deadletter("list", "--sink", "historian", "--count", "1");
    expect(short.stderr).toContain("--count");
  });

  test("retry and discard: those with the ids, or all", async () => {
    await (await withLetters("spool", ["a", "b", "c", "d"])).close();
    expect(await deadletter("retry", "2", "3", "--sink", "historian")).toEqual({
      code: 0,
      stdout: "historian: 2 dead letters put back\n",
      stderr: "",
    });
    expect((await deadletter("discard", "--json")).stdout).toBe('{"historian":2}\n');
    const queue = await open("spool");
    expect((await readAll(queue)).map(({ text }) => text)).toEqual(["b", "c"]);
    const counters = await queue.counters();
    expect(counters).toMatchObject({ waiting: 2, dropped: { discarded: 2 }, deadLettered: {} });
    expectBalance(counters);
    await queue.close();
  });

  test("stores of historian.also are sinks of their own, those removed from the config too", async () => {
    await (await withLetters("spool-cloud", ["a"])).close();
    await (await withLetters("spool", ["b"])).close();
    expect((await deadletter("list")).stdout).toMatch(/^historian\/cloud +1 /m);
    expect(await deadletter("retry", "1", "--sink", "historian/cloud")).toMatchObject({
      stdout: "historian/cloud: 1 dead letter put back\n",
    });
    expect(await deadletter("list", "--sink", "historian/clod")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("it has historian, historian/cloud"),
    });
    expect(await deadletter("list", "--sink", "broker")).toMatchObject({ code: 2 });
  });

  test("beside a running bridge: it notices what came back", async () => {
    const lock = DataLock.take(place.at("data"));
    let told = 0;
    const queue = await withLetters("outbox", ["a", "b"], () => {
      told++;
    });
    expect((await deadletter("list")).stdout.split("\n")).toHaveLength(5);
    expect(told).toBe(0);
    expect((await deadletter("retry")).stdout).toBe("mqtt: 2 dead letters put back\n");
    await expect.poll(() => told).toBeGreaterThan(0);
    expect(queue.latest).toMatchObject({ waiting: 2, deadLettered: {} });
    const [c] = await queue.append([record("c")]);
    expect((await readAll(queue)).map(({ text }) => text)).toEqual(["a", "b", "c"]);
    expect(c!.id).toBe(5);
    expectBalance(await queue.counters());
    await queue.close();
    lock.release();
    expect(readdirSync(place.at("data")).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("says what is wrong: no such id, an id without its sink, no queue, nonsense, a foreign file", async () => {
    expect(await deadletter("list")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("voltbridge run"),
    });
    await (await withLetters("outbox", ["a"])).close();
    const missing = await deadletter("retry", "1", "77", "--sink", "mqtt");
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("1 of these ids do not exist"),
    });
    expect(await deadletter("discard", "1")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--sink mqtt"),
    });
    expect(await deadletter("discard", "x", "--sink", "mqtt")).toMatchObject({ code: 2 });
    expect(await deadletter("list")).toMatchObject({ code: 0, stdout: "", stderr: "no dead letters\n" });
    place.write("data/spool.sqlite", "SQLite format 3\0".padEnd(5000, "x"));
    expect(await deadletter("list", "--sink", "mqtt")).toMatchObject({ code: 0 });
  });
});
