import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeviceView } from "../../src/web/schemas.ts";
import { isFull } from "../faults/scale.ts";
import { endings } from "../helpers/endings.ts";
import { eventually } from "../helpers/eventually.ts";
import { WebSite } from "../helpers/web.ts";

/** Above the bound of 256. */
const CLIENTS = isFull ? 1000 : 300;

interface LiveEvent {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: the test says what it expects.
  readonly data: any;
}

/** A browser's end of the live events. */
class Ear {
  readonly events: LiveEvent[] = [];
  readonly #stop = new AbortController();
  isOver = false;

  static async at(url: string, lastEventId?: string): Promise<Ear> {
    const ear = new Ear();
    endings.push(() => ear.stop());
    const response = await fetch(`${url}/api/v1/live`, {
      signal: ear.#stop.signal,
      headers: {
        accept: "text/event-stream",
        ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
      },
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    void ear.#read(response.body!).catch(() => {
      ear.isOver = true;
    });
    return ear;
  }

  stop(): void {
    this.#stop.abort();
  }

  find(wanted: (event: LiveEvent) => boolean): Promise<LiveEvent> {
    return eventually(
      () => {
        const found = this.events.find(wanted);
        if (!found) throw new Error(`not among ${this.events.map(({ event }) => event).join(", ")}`);
        return found;
      },
      10_000,
      20,
    );
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop()!;
      for (const block of blocks) {
        const lines = new Map(
          block
            .split("\n")
            .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
        );
        if (lines.has("event"))
          this.events.push({
            id: lines.get("id")!,
            event: lines.get("event")!,
            data: JSON.parse(lines.get("data")!),
          });
      }
    }
    this.isOver = true;
  }
}

describe("live events", () => {
  let web: WebSite;
  beforeAll(async () => {
    web = await WebSite.start({ guestRole: "operate" });
    await web.scraped();
  });
  afterAll(() => web?.stop());
  const s1 = "/devices/site%2Fs1";

  test("a command's progress and the device's new limit arrive, with an id each", async () => {
    const ear = await Ear.at(web.url);
    await ear.find(({ event }) => event === "hello");
    await web.post(`${s1}/points/allowedLoad_1/set`, { value: 2, id: "live-1" });
    await ear.find(({ event, data }) => event === "write" && data.id === "live-1" && data.status === "sent");
    await ear.find(
      ({ event, data }) => event === "write" && data.id === "live-1" && data.status === "confirmed",
    );
    await ear.find(
      ({ event, data }) =>
        event === "devices" &&
        data.some(
          (one: { device: string; ports: { limit: unknown }[] }) =>
            one.device === "site/s1" && one.ports[0]?.limit,
        ),
    );
    expect(new Set(ear.events.map(({ id }) => id)).size).toBe(ear.events.length);
    await web.post(`${s1}/points/allowedLoad_1/revert`, {});
  });

  test("a device that was read again without a change is only named", async () => {
    const ear = await Ear.at(web.url);
    const isNamed = ({ devices }: { devices: string[] }) => devices.includes("site/s2");
    const { data } = await ear.find(({ event, data }) => event === "read" && data.some(isNamed));
    expect(data.find(isNamed)).toEqual({ at: expect.any(String), devices: expect.any(Array) });
  });

  test("a client that comes back gets what it missed; one that was away too long is told to load again", async () => {
    const first = await Ear.at(web.url);
    const { id } = await first.find(({ event }) => event === "hello" || event === "read");
    first.stop();
    await web.post(`${s1}/points/allowedLoad_1/set`, { value: 4, id: "live-2" });
    const second = await Ear.at(web.url, id);
    await second.find(({ event, data }) => event === "write" && data.id === "live-2");
    const stranger = await Ear.at(web.url, "another-run-7");
    await stranger.find(({ event }) => event === "reset");
    await web.post(`${s1}/points/allowedLoad_1/revert`, {});
  });

  test("a new client gets what changed while it asked for all devices", async () => {
    await web.post(`${s1}/points/allowedLoad_1/set`, { value: 3, id: "live-3" });
    const isLimited = ({ device, ports }: DeviceView) => device === "site/s1" && ports[0]?.limit?.kw === 3;
    const first = await Ear.at(web.url);
    await first.find(({ event, data }) => event === "devices" && data.some(isLimited));
    const second = await Ear.at(web.url);
    await second.find(({ event, data }) => event === "devices" && data.some(isLimited));
    await web.post(`${s1}/points/allowedLoad_1/revert`, {});
  });

  test("reservations and overrides that change are told", async () => {
    const ear = await Ear.at(web.url);
    const [start, end] = [new Date(), new Date(Date.now() + 60_000)].map((time) => time!.toISOString());
    const slots = [["site/s1", start, end]];
    const granted = await web.post("/reservations", { taskId: "night", priority: "LOW", slots });
    expect(granted.status).toBe(201);
    await ear.find(({ event }) => event === "reservations");
    const told = ear.events.length;
    await web.call("DELETE", "/reservations/night");
    await ear.find((one) => one.event === "reservations" && ear.events.indexOf(one) >= told);
    await web.post("/overrides", { pattern: "site/s2", failsafeRevert: false });
    await ear.find(({ event, data }) => event === "notice" && data.kind === "override_on");
    await web.call("DELETE", "/overrides?pattern=site%2Fs2");
    await ear.find(({ event, data }) => event === "notice" && data.kind === "override_off");
  });

  test("a client that does not read is dropped; nobody waits for it", async () => {
    const { hostname, port } = new URL(web.url);
    const deaf: Socket = createConnection(Number(port), hostname);
    endings.push(() => deaf.destroy());
    deaf.pause();
    deaf.write(`GET /api/v1/live HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
    const ear = await Ear.at(web.url);
    await ear.find(({ event }) => event === "hello");
    const closed = once(deaf, "close");
    const text = "x".repeat(64 * 1024);
    // More than the socket's buffers and the bound of unsent data.
    for (let i = 0; i < 300; i++) {
      web.bridge.bus.emit("notice", { severity: "info", kind: "test", text: `${i} ${text}`, at: new Date() });
      // One that reads gets everything.
      if (i % 20 === 19)
        await ear.find(({ event, data }) => event === "notice" && data.text.startsWith(`${i} `));
    }
    deaf.resume();
    deaf.on("data", () => undefined);
    deaf.on("error", () => undefined);
    await closed;
  });

  test(`G12: of ${CLIENTS} clients those above the bound get a clear answer, and scrapes stay on time`, async () => {
    const took: number[] = [];
    let before = performance.now();
    const end = web.bridge.bus.on("scrape", ({ device }) => {
      if (device.path !== "site/s1") return;
      took.push(performance.now() - before);
      before = performance.now();
    });
    const responses = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const stop = new AbortController();
        endings.push(() => stop.abort());
        const response = await fetch(`${web.url}/api/v1/live`, { signal: stop.signal });
        if (response.status === 503)
          expect(await response.json()).toMatchObject({ type: "urn:voltbridge:problem:too_many_clients" });
        return response;
      }),
    );
    await eventually(() => expect(took.length).toBeGreaterThan(4));
    end();
    const statuses = responses.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(256);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    // An interval is a second; the machine that runs this makes the clients too.
    expect(Math.max(...took.slice(1))).toBeLessThan(3500);
  });
});
