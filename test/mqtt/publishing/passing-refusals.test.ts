import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import { type Done, type Link, type Message, PublishRefusedError } from "../../../src/mqtt/broker/link.ts";
import { Outbox } from "../../../src/mqtt/publishing/outbox.ts";
import { broker, endings } from "../../helpers/endings.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { RefusingProxy } from "../../helpers/refusing-proxy.ts";
import { MemoryQueue } from "../memory-queue.ts";
import { connected, until } from "../rig.ts";
import { expectAll, listen, start } from "./outbox-rig.ts";

/** MQTT 5 §3.4.2.1: unspecified error, implementation specific error, quota exceeded. */
const PASSING = [
  [0x80, "unspecified_error"],
  [0x83, "broker_specific"],
  [0x97, "quota_exceeded"],
] as const;

describe.skipIf(!mosquittoInstalled)("refusals that may pass", () => {
  test("A23: quota exceeded: sent again until the broker takes it; the others go on", async () => {
    const mosquitto = await broker();
    const proxy = await RefusingProxy.before(mosquitto.port);
    endings.push(() => proxy.close());
    const ledger = await start({ url: proxy.url });
    await connected(ledger.rig.mqtt);
    const ear = await listen(mosquitto);
    proxy.refusal = (topic) =>
      topic === "devices/site/b/all" && proxy.refused.length < 2 ? 0x97 : undefined;
    ledger.round();
    await until(() => ear.messages.length === 3, "the others");
    ledger.round();
    await ledger.balance();
    expect(proxy.refused).toHaveLength(2);
    expectAll(ear, ledger);
  });
});

describe("a refusal that does not pass", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** An outbox before a broker that refuses what `refusal` names a code for. */
  async function rig(refusal: (topic: string) => number | undefined) {
    const sent: string[] = [];
    let change: (up: boolean) => void = () => undefined;
    const post = ({ topic }: Message, done: Done) => {
      sent.push(topic);
      const code = refusal(topic);
      const error = code === undefined ? undefined : new PublishRefusedError(topic, code, "no");
      setImmediate(() => done(error));
    };
    const link: Link = {
      ...{ up: true, protocolVersion: 5, post, publish: () => Promise.resolve() },
      subscribe: () => () => undefined,
      onChange: (listener) => {
        change = listener;
        return () => undefined;
      },
    };
    const queue = new MemoryQueue();
    const places = { inPayload: true, inProperties: false };
    const outbox = new Outbox({
      ...{ queue, link, metadataOf: () => undefined, log: createLog({ level: "silent" }) },
      sending: () => ({ qos: 1, retain: false, places }),
      onRefused: () => undefined,
    });
    await outbox.start();
    change(true);
    const deliver = (topic: string) =>
      outbox.deliver({ topic, body: ["1", "{}"], headers: '{"Date":"x"}', samples: 1, time: 0 });
    return { queue, sent, deliver };
  }

  test.each(PASSING)(
    "A23: code %i: tried at growing pauses for ten minutes, then a dead letter",
    async (code, reason) => {
      const { queue, sent, deliver } = await rig((topic) => (topic === "bad" ? code : undefined));
      deliver("bad");
      deliver("good");
      await vi.advanceTimersByTimeAsync(9 * 60_000);
      expect(queue.dead).toEqual([]);
      expect(sent.filter((topic) => topic === "good")).toHaveLength(1);
      const tries = sent.filter((topic) => topic === "bad").length;
      expect(tries).toBeGreaterThan(10);
      expect(tries).toBeLessThan(20);
      await vi.advanceTimersByTimeAsync(2.5 * 60_000);
      expect(queue.dead).toMatchObject([{ key: "bad", reason }]);
      expect(queue).toMatchObject({ delivered: 1 });
      const then = sent.length;
      await vi.advanceTimersByTimeAsync(10 * 60_000);
      expect(sent).toHaveLength(then);
    },
  );

  test("A23: of every message: those that come later go out as soon as the broker takes them", async () => {
    let refusing = true;
    const { queue, deliver } = await rig(() => (refusing ? 0x80 : undefined));
    for (let i = 0; i < 1500; i++) deliver(`t${i}`);
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(queue).toMatchObject({ accepted: 1500, delivered: 0 });
    expect(queue.dead).toHaveLength(0);
    refusing = false;
    deliver("later");
    await vi.advanceTimersByTimeAsync(1000);
    expect(queue.delivered).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(2 * 60_000);
    expect(queue).toMatchObject({ delivered: 1501 });
    expect(queue.dead).toHaveLength(0);
  });

  test("A23: one that never passes is a dead letter at once", async () => {
    const { queue, deliver } = await rig(() => 0x87);
    deliver("denied");
    await vi.advanceTimersByTimeAsync(500);
    expect(queue.dead).toMatchObject([{ reason: "not_authorized" }]);
  });
});
