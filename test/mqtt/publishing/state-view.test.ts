import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import { DirectSender, LossReports } from "../../../src/mqtt/broker/direct-sender.ts";
import {
  type Link,
  LinkDownError,
  type Message,
  PublishRefusedError,
} from "../../../src/mqtt/broker/link.ts";
import { StateView } from "../../../src/mqtt/publishing/state-view.ts";
import { Topics } from "../../../src/mqtt/topics.ts";
import type { Availability } from "../../../src/points/index.ts";
import { AT, device, PATH, point, scrape } from "../rig.ts";

const STATION = device(PATH, [point("load", { deadband: 1 }), point("status", { type: "string" })]);

class FakeLink implements Link {
  up = true;
  readonly protocolVersion = 5;
  readonly sent: Message[] = [];
  failure: Error | undefined;
  post = () => undefined;
  subscribe = () => () => undefined;
  onChange = () => () => undefined;

  publish(message: Message): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.sent.push(message);
    return Promise.resolve();
  }

  /** What was sent since the last call, without the reasons of availabilities. */
  take(): [string, unknown][] {
    return this.takeAll().filter(([topic]) => !topic.startsWith("voltbridge/"));
  }

  takeAll(): [string, unknown][] {
    return this.sent.splice(0).map(({ topic, payload }) => {
      const isJson = payload.startsWith("{");
      return [topic.replace(`state/${PATH}`, "…"), isJson ? JSON.parse(payload) : payload];
    });
  }
}

let link: FakeLink;
let view: StateView;

function start(state: "json" | "attribute" | "both" | "off"): void {
  link = new FakeLink();
  const log = createLog({ level: "silent" });
  view = new StateView({
    settings: { state, stateRefreshSeconds: 60, noLimit: "null" },
    topics: new Topics("bridge-1", ""),
    link,
    sender: new DirectSender(link, log, new LossReports(log)),
    now: () => new Date(),
  });
  view.start();
}

const availability = (now: Availability) =>
  view.noteAvailability({ device: STATION, availability: now, since: AT });
const state = (load: number | null, status: string | null, quality = "good") => ({
  ...{ observedAt: AT.toISOString(), quality, load, status },
});

beforeEach(() => void vi.useFakeTimers({ now: AT }));
afterEach(() => {
  view.stop();
  vi.useRealTimers();
});

describe("the state view", () => {
  test("on change, with respect to the Deadband", () => {
    start("json");
    view.noteScrape(scrape(STATION, { load: 5, status: "ok" }));
    expect(link.take()).toEqual([["…", state(5, "ok")]]);
    view.noteScrape(scrape(STATION, { load: 5.9, status: "ok" }));
    expect(link.take()).toEqual([]);
    view.noteScrape(scrape(STATION, { load: 6, status: "ok" }));
    expect(link.take()).toEqual([["…", state(6, "ok")]]);
    view.noteScrape(scrape(STATION, { load: null, status: "ok" }));
    expect(link.take()).toEqual([["…", state(null, "ok")]]);
  });

  test("at least every state_refresh seconds, a device that is silent too", () => {
    start("both");
    view.noteScrape(scrape(STATION, { load: 5 }));
    availability("online");
    link.take();
    vi.advanceTimersByTime(58_000);
    expect(link.take()).toEqual([]);
    vi.advanceTimersByTime(3_000);
    expect(link.take()).toEqual([
      ["…/availability", "online"],
      ["…", state(5, null)],
      ["…/load", "5"],
      ["…/status", "null"],
    ]);
  });

  test("after the clock was set back, with the next tick", () => {
    start("json");
    view.noteScrape(scrape(STATION, { load: 5, status: "ok" }));
    vi.advanceTimersByTime(2_000);
    link.take();
    vi.setSystemTime(AT.getTime() - 86_400_000);
    vi.advanceTimersByTime(1_500);
    expect(link.take()).toEqual([["…", state(5, "ok")]]);
    vi.advanceTimersByTime(30_000);
    expect(link.take()).toEqual([]);
  });

  test("a device that comes between the ticks is not forgotten at the next refresh", () => {
    start("json");
    view.noteScrape(scrape(STATION, { load: 5, status: "ok" }));
    vi.advanceTimersByTime(30_500);
    const other = device("campus/b/other", [point("load")]);
    view.noteScrape(scrape(other, { load: 1 }));
    link.take();
    vi.advanceTimersByTime(40_000);
    expect(link.take()).toHaveLength(1);
    vi.advanceTimersByTime(25_000);
    expect(link.take()).toHaveLength(1);
  });

  test("a point that fails keeps its last value, and the quality says so", () => {
    start("json");
    view.noteScrape(scrape(STATION, { load: 5, status: "ok" }));
    view.noteScrape(scrape(STATION, { load: 5 }, { failures: new Map([["status", "timeout"]]) }));
    expect(link.take().at(-1)).toEqual(["…", state(5, "ok", "partial")]);
  });

  test("a device that goes away keeps its values under another quality", () => {
    start("json");
    view.noteScrape(scrape(STATION, { load: 5, status: "ok" }));
    link.take();
    availability("stale");
    availability("offline");
    expect(link.take()).toEqual([
      ["…/availability", "stale"],
      ["…", state(5, "ok", "stale")],
      ["…/availability", "offline"],
      ["…", state(5, "ok", "offline")],
    ]);
  });

  test("a device that was never heard of says nothing, not even that it knows nothing", () => {
    start("both");
    view.republish();
    expect(link.take()).toEqual([]);
    availability("offline");
    expect(link.take()).toContainEqual(["…", { ...state(null, null, "offline"), observedAt: null }]);
  });

  test("attributes: only those that changed", () => {
    start("attribute");
    view.noteScrape(scrape(STATION, { load: 5, status: "ok" }));
    expect(link.take()).toEqual([
      ["…/load", "5"],
      ["…/status", "ok"],
    ]);
    view.noteScrape(scrape(STATION, { load: 5, status: "not ok" }));
    expect(link.take()).toEqual([["…/status", "not ok"]]);
  });

  test("off: the availability only", () => {
    start("off");
    view.noteScrape(scrape(STATION, { load: 5 }));
    availability("online");
    expect(link.take()).toEqual([["…/availability", "online"]]);
    vi.advanceTimersByTime(120_000);
    expect(new Set(link.take().map(([topic]) => topic))).toEqual(new Set(["…/availability"]));
  });

  test("a fleet that comes at once is told in portions, everybody as he is by then", async () => {
    start("off");
    const fleet = Array.from({ length: 7000 }, (_, n) => device(`fleet/${n}`, []));
    const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<void>();
    link.publish = (message) => {
      link.sent.push(message);
      return acknowledged;
    };
    for (const one of fleet) view.noteAvailability({ device: one, availability: "online", since: AT });
    view.noteAvailability({ device: fleet.at(-1)!, availability: "stale", since: AT });
    await vi.advanceTimersByTimeAsync(5000);
    expect(link.sent).toHaveLength(5000);
    acknowledge();
    await vi.advanceTimersByTimeAsync(2000);
    // Each with its reason.
    expect(link.sent).toHaveLength(14_000);
    expect(new Set(link.sent.map(({ topic }) => topic)).size).toBe(14_000);
    expect(link.sent.find(({ topic }) => topic.includes("fleet/6999/"))?.payload).toBe("stale");
  });

  test("an availability has its reason on a topic of its own, at each change and after a connect", async () => {
    start("json");
    const reasons = () => link.takeAll().filter(([topic]) => topic.startsWith("voltbridge/"));
    const topic = `voltbridge/bridge-1/availability/${PATH}`;
    const away = {
      ...{ device: PATH, availability: "offline", since: AT.toISOString() },
      ...{ reason: "the network cannot reach it", unreachable: true },
    };
    view.noteAvailability({
      ...{ device: STATION, availability: "offline", since: AT },
      ...{ reason: "the network cannot reach it", isUnreachable: true },
    });
    expect(reasons()).toEqual([[topic, away]]);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(reasons()).toEqual([]);
    view.republish();
    expect(reasons()).toEqual([[topic, away]]);
    availability("online");
    const here = { ...away, availability: "online", reason: null, unreachable: false };
    expect(reasons()).toEqual([[topic, here]]);
  });

  test("when limits end is told as soon as it changes, of writable points only", () => {
    start("both");
    const limited = device(PATH, [point("load"), point("limit", { writable: true })]);
    view.noteScrape(scrape(limited, { load: 5, limit: null }));
    expect(link.take()).toContainEqual(["…/ends", {}]);
    const until = (ends: Record<string, Date | null>) =>
      view.noteLimitEnds({ device: limited, ends: new Map(Object.entries(ends)) });
    until({ limit: AT });
    const shown = link.take();
    expect(shown).toContainEqual(["…/ends", { limit: AT.toISOString() }]);
    expect(shown).toContainEqual(["…", expect.objectContaining({ ends: { limit: AT.toISOString() } })]);
    until({ limit: AT });
    expect(link.take()).toEqual([]);
    until({ limit: null });
    expect(link.take()).toContainEqual(["…/ends", { limit: null }]);
    until({});
    expect(link.take()).toContainEqual(["…/ends", {}]);
  });

  test("everything is said again after a connect; all of it is retained", () => {
    start("json");
    link.up = false;
    view.noteScrape(scrape(STATION, { load: 5 }));
    availability("online");
    expect(link.take()).toEqual([]);
    link.up = true;
    view.republish();
    expect(link.sent.every((message) => message.retain && message.qos === 1)).toBe(true);
    expect(link.take()).toEqual([
      ["…/availability", "online"],
      ["…", state(5, null)],
    ]);
  });

  test("what was dropped is said again soon, what was refused is not", async () => {
    start("json");
    for (const [failure, load, again] of [
      [new LinkDownError("too slow"), 10, 1],
      [new PublishRefusedError("t", 135, "Not authorized"), 20, 0],
    ] as const) {
      link.failure = failure;
      view.noteScrape(scrape(STATION, { load }));
      await vi.advanceTimersByTimeAsync(0);
      link.failure = undefined;
      await vi.advanceTimersByTimeAsync(2000);
      expect(link.take()).toHaveLength(again);
    }
  });
});
