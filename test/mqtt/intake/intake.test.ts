import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, test } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import { EmbeddedBroker } from "../../../src/mqtt/broker/embedded-broker.ts";
import { Intake, type IntakeOptions } from "../../../src/mqtt/intake/intake.ts";
import { broker, endings } from "../../helpers/endings.ts";
import { Mosquitto, mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { TcpProxy } from "../../helpers/tcp-proxy.ts";
import { until } from "../rig.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "intake-"));
  endings.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** An intake that notes what it takes, and calls it safe when the test says so. */
class Taker {
  readonly taken: string[] = [];
  readonly log: string[] = [];
  readonly intake: Intake;
  /** While true nothing that comes is safe. */
  holding = false;
  #held: (() => void)[] = [];

  constructor(url: string, options: Partial<IntakeOptions> & { version?: 4 | 5; file?: string } = {}) {
    const { version = 5, ...rest } = options;
    this.intake = new Intake({
      address: { url, protocolVersion: version },
      clientId: "taker",
      keepaliveSeconds: 60,
      filters: ["record/#"],
      file: join(folder(), "intake.json"),
      take: (message) => {
        this.taken.push(message.payload.toString());
        return this.holding ? new Promise((resolve) => this.#held.push(resolve)) : Promise.resolve();
      },
      log: createLog({ write: (line) => this.log.push(line) }),
      times: { firstPauseMs: 30, longestPauseMs: 100, connectTimeoutMs: 1000 },
      ...rest,
    });
    this.intake.start();
    endings.push(() => {
      this.release();
      return this.intake.stop();
    });
  }

  async listening(): Promise<this> {
    await until(() => this.intake.listening, "listening");
    return this;
  }

  release(): void {
    this.holding = false;
    for (const safe of this.#held.splice(0)) safe();
  }
}

async function publish(url: string, count: number, topic = "record/x", from = 0): Promise<void> {
  const client = await connectAsync(url);
  await Promise.all(
    Array.from({ length: count }, (_, i) => client.publishAsync(topic, `${from + i}`, { qos: 1 })),
  );
  await client.endAsync();
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `${from + i}`);

describe.skipIf(!mosquittoInstalled).each([5, 4] as const)("taking messages over MQTT %s", (version) => {
  test("A26: a message that is not safe is not acknowledged: it comes again, in order, and never after it was", async () => {
    const { url, port } = await broker();
    const proxy = await TcpProxy.before(port);
    endings.push(() => proxy.close());
    const taker = await new Taker(`mqtt://127.0.0.1:${proxy.port}`, { version }).listening();
    taker.holding = true;
    await publish(url, 15);
    await until(() => taker.taken.length === 15, "all are under way at once");
    proxy.cut();
    await until(() => taker.taken.length === 30, "all come again");
    expect(taker.taken).toEqual([...numbers(15), ...numbers(15)]);
    taker.release();
    await publish(url, 1, "record/x", 15);
    await until(() => taker.taken.length === 31, "the next");
    await taker.intake.stop();
    const again = await new Taker(url, { version }).listening();
    await publish(url, 1, "record/x", 16);
    await until(() => again.taken.length > 0, "what came later");
    expect(again.taken).toEqual(["16"]);
  });

  test("what is published while it is away comes afterwards, once", async () => {
    const { url } = await broker();
    const first = await new Taker(url, { version }).listening();
    await first.intake.stop();
    await publish(url, 200);
    const second = await new Taker(url, { version }).listening();
    await until(() => second.taken.length === 200, "all");
    expect(second.taken).toEqual(numbers(200));
  });

  test("A26: acknowledgements that come out of order leave in order, and nothing stalls above the window", async () => {
    const { url } = await broker({ config: ["max_inflight_messages 0", "max_queued_messages 0"] });
    const safe: (() => void)[] = [];
    const seen: string[] = [];
    const taker = await new Taker(url, {
      version,
      take: (message) => {
        seen.push(message.payload.toString());
        return new Promise((resolve) => {
          safe.push(resolve);
          // Each hundred is safe in reverse.
          if (safe.length === 100) for (const one of safe.splice(0).reverse()) one();
        });
      },
    }).listening();
    await publish(url, 3000);
    await until(() => seen.length === 3000, "all");
    expect(seen).toEqual(numbers(3000));
    await taker.intake.stop();
    const again = await new Taker(url, { version }).listening();
    await publish(url, 1, "record/x", 3000);
    await until(() => again.taken.length > 0, "what came later");
    expect(again.taken).toEqual(["3000"]);
  });

  test("the broker is away at the start, and later restarts with what it kept", async () => {
    const mosquitto = await Mosquitto.prepare({
      config: ["persistence true"],
    });
    endings.push(() => mosquitto.dispose());
    const taker = new Taker(mosquitto.url, { version });
    await until(() => taker.log.length > 0, "a line that it cannot connect");
    await mosquitto.start();
    await taker.listening();
    taker.holding = true;
    await publish(mosquitto.url, 10);
    await until(() => taker.taken.length === 10, "under way");
    await mosquitto.stop();
    await mosquitto.start();
    await until(() => taker.taken.length === 20, "again, after the broker's restart");
    expect(taker.log.filter((line) => line.includes("cannot be taken")).length).toBeLessThanOrEqual(2);
  });

  test("two share the messages, each goes to one of them", async () => {
    const { url } = await broker();
    const share = (name: string) => ({ group: "history", probeTopic: `voltbridge/${name}/probe` });
    const one = new Taker(url, { version, clientId: "one", share: share("one") });
    const two = new Taker(url, { version, clientId: "two", share: share("two") });
    await Promise.all([one.listening(), two.listening()]);
    await publish(url, 100);
    await until(() => one.taken.length + two.taken.length >= 100, "all");
    expect([...one.taken, ...two.taken].sort()).toEqual(numbers(100).sort());
    expect(one.taken.length).toBeGreaterThan(0);
    expect(two.taken.length).toBeGreaterThan(0);
    // Neither takes the other's probe, nor its own, for a message.
    expect([...one.log, ...two.log].filter((line) => line.includes("error"))).toEqual([]);
  });

  test("subscriptions of earlier settings end, and known ones are not made again", async () => {
    const { url } = await broker();
    const file = join(folder(), "intake.json");
    const client = await connectAsync(url);
    endings.push(() => client.endAsync());
    await client.publishAsync("record/kept", "retained", { qos: 1, retain: true });
    const first = await new Taker(url, { version, file, filters: ["record/#", "analysis/#"] }).listening();
    await until(() => first.taken.length === 1, "what is retained");
    await first.intake.stop();
    const second = await new Taker(url, { version, file }).listening();
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ format: 1, filters: ["record/#"] });
    await client.publishAsync("analysis/x", "not any more", { qos: 1 });
    await client.publishAsync("record/x", "still", { qos: 1 });
    await until(() => second.taken.length > 0, "the next");
    expect(second.taken).toEqual(["still"]);
  });

  test("what a newer version noted of the subscriptions does not count: all are made again", async () => {
    const { url } = await broker();
    const file = join(folder(), "intake.json");
    const first = await new Taker(url, { version, file }).listening();
    await first.intake.stop();
    const noted = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...noted, format: 2 }));
    const second = await new Taker(url, { version, file }).listening();
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(noted);
    const client = await connectAsync(url);
    endings.push(() => client.endAsync());
    await client.publishAsync("record/x", "comes", { qos: 1 });
    await until(() => second.taken.length > 0, "the message");
    expect(second.taken).toEqual(["comes"]);
  });

  test("a retained message says that it is one, a live one to be retained does not", async () => {
    const { url } = await broker();
    const client = await connectAsync(url);
    endings.push(() => client.endAsync());
    await client.publishAsync("record/a", "1", { qos: 1, retain: true });
    const seen: [string, boolean][] = [];
    await new Taker(url, {
      version,
      take: async ({ payload, retained }) => void seen.push([payload.toString(), retained]),
    }).listening();
    await until(() => seen.length === 1, "what is retained");
    await client.publishAsync("record/a", "2", { qos: 1, retain: true });
    await until(() => seen.length === 2, "the live one");
    expect(seen).toEqual([
      ["1", true],
      ["2", false],
    ]);
  });
});

describe.skipIf(!mosquittoInstalled)("trouble is told with what to do", () => {
  test("another client of the same id", async () => {
    const { url } = await broker();
    const first = await new Taker(url).listening();
    const second = new Taker(url);
    await until(
      () =>
        [...first.log, ...second.log].some((line) =>
          /if another client connects as taker, give one of the two another name/.test(line),
        ),
      "the reason",
    );
  });

  test("a message that cannot be made safe ends the connection, and comes again", async () => {
    const { url } = await broker();
    let tries = 0;
    await new Taker(url, {
      take: async () => {
        if (++tries < 3) throw new Error("the spool is closed");
      },
    }).listening();
    await publish(url, 1);
    await until(() => tries === 3, "tried again");
  });
});

test("a broker that takes shared subscriptions for ordinary ones is found out", async () => {
  const aedes = await EmbeddedBroker.start({
    host: "127.0.0.1",
    port: 0,
    log: createLog({ level: "silent" }),
  });
  endings.push(() => aedes.stop());
  const share = { group: "history", probeTopic: "voltbridge/x/probe" };
  const taker = new Taker(`mqtt://127.0.0.1:${aedes.port}`, {
    version: 4,
    share,
    times: { firstPauseMs: 30, longestPauseMs: 100, connectTimeoutMs: 300 },
  });
  await until(
    () => taker.log.some((line) => /delivers nothing on them.*start without --share/.test(line)),
    "told",
  );
  expect(taker.intake.listening).toBe(false);
});

test("the broker inside a bridge will do", async () => {
  const aedes = await EmbeddedBroker.start({
    host: "127.0.0.1",
    port: 0,
    log: createLog({ level: "silent" }),
  });
  endings.push(() => aedes.stop());
  const url = `mqtt://127.0.0.1:${aedes.port}`;
  const first = await new Taker(url, { version: 4 }).listening();
  await first.intake.stop();
  await publish(url, 50);
  const second = await new Taker(url, { version: 4 }).listening();
  await until(() => second.taken.length === 50, "what came meanwhile");
});
