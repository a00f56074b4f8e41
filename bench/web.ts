/**
 * What the page and its interface cost, with 1,000 stations that are scraped every minute:
 *
 * - set point over HTTP to the moment when its shedLoad request leaves the bridge, beside a bare hono route that posts the same request
 * - a plot of 30 days of one point, and the text of /metrics, beside a bare hono route
 * - first view in Chromium: first byte to the first station on the screen; bytes of the page
 * - processor time of the bridge with 20 clients of live events and one browser, beside its own idle time in the same run
 * - the longest script task while the table of 10,000 stations is scrolled, beside an empty page (with --fleet)
 *
 * Processes: the real bridge (`voltbridge run`), the simulator, Mosquitto, Chromium, the bare server, and this one.
 *
 *   npm run bench:web -- [--stations 1000] [--writes 300] [--seconds 60] [--only set,plot,metrics,view,size,watch] [--fleet 10000]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { openHistorian } from "../src/historian/index.ts";
import { createLog, Secrets } from "../src/log/log.ts";
import { BridgeFiles } from "../src/reload/bridge-files.ts";
import { makeToken } from "../src/web/access/tokens.ts";
import { startChromium } from "../test/helpers/browser.ts";
import { freePort, Mosquitto } from "../test/helpers/mosquitto.ts";
import { Site } from "../test/helpers/site.ts";
import { RunningVoltbridge } from "../test/helpers/voltbridge.ts";
import { percentile } from "./percentile.ts";

const { values: flags } = parseArgs({
  options: {
    stations: { type: "string", default: "1000" },
    writes: { type: "string", default: "300" },
    seconds: { type: "string", default: "60" },
    only: { type: "string", default: "set,plot,metrics,view,size,watch" },
    fleet: { type: "string", default: "0" },
  },
});
const STATIONS = Number(flags.stations);
const WRITES = Number(flags.writes);
const SECONDS = Number(flags.seconds);
const FLEET = Number(flags.fleet);
const PARTS = new Set(flags.only.split(","));
const INTERVAL = 60;
const DAYS = 30;
const DEADLINE_MS = 15_000;

const leaving = new URL("write/leaving.ts", import.meta.url).href;
const bareServer = fileURLToPath(new URL("web/bare.ts", import.meta.url));
const starter = fileURLToPath(new URL("../bin/voltbridge", import.meta.url));
const token = makeToken();
const HEADERS = { authorization: `Bearer ${token.token}`, "content-type": "application/json" };

const PLOT = new URLSearchParams({
  topic: "site/s1/portLoad_1",
  start: `now -${DAYS}d`,
  end: "now",
  points: "800",
}).toString();

const broker = await Mosquitto.run();
const browser = await startChromium();
try {
  if (FLEET > 0) await scrolling(FLEET);
  else await measured(STATIONS);
} finally {
  await browser.close();
  await broker.dispose();
}

interface Bench {
  readonly url: string;
  readonly pid: number;
  readonly left: Left;
  readonly bare: { readonly url: string; readonly left: Left };
}

/** Resolves with the time at which the next shedLoad leaves a process. */
type Left = () => Promise<bigint>;

async function withBridge(stations: number, use: (bench: Bench) => Promise<void>): Promise<void> {
  const simulation = new RunningVoltbridge([
    ...["simulate", "--port", "0", "--log-level", "warn", "--stations", String(stations + 50)],
    ...["--model", "CT4021-GW1"],
  ]);
  const children: ChildProcess[] = [];
  let site: Site | undefined;
  try {
    const [line] = await simulation.printed(/\{.*\}/);
    const service = JSON.parse(line) as { endpoint: string; username: string; password: string };
    const stationIDs = Array.from({ length: stations + 1 }, (_, index) => `1:${100_001 + index}`);
    const spare = stationIDs.pop()!;
    const port = await freePort();
    site = new Site({
      ...service,
      stationIDs,
      bridge: {
        mqtt: { url: broker.url },
        historian: { backend: "sqlite" },
        web: { enabled: true, port, tokens: [{ name: "bench", hash: token.hash, role: "operate" }] },
      },
      device: { interval: INTERVAL },
      driver: { calls_per_minute: 100_000 },
    });
    await fillHistory(site);
    const bridge = start("--import", leaving, starter, "run", "--config", site.config, "--log-level", "warn");
    const bare = start(bareServer, service.endpoint, service.username, service.password, spare);
    children.push(bridge, bare);
    const bareLines = linesOf(bare.stderr);
    const ready = await bareLines.first(/^ready (\d+)/);
    const url = `http://127.0.0.1:${port}`;
    await online(url, stations);
    await use({
      url,
      pid: bridge.pid!,
      left: linesOf(bridge.stderr).left,
      bare: { url: `http://127.0.0.1:${ready[1]}`, left: bareLines.left },
    });
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await simulation.stop();
    site?.remove();
  }
}

async function measured(stations: number): Promise<void> {
  await withBridge(stations, async (bench) => {
    const { url, bare } = bench;
    console.log(`${stations} stations, read every ${INTERVAL} s`);
    if (PARTS.has("set")) await setPoints(bench);
    if (PARTS.has("plot")) await answers("plot of 30 days", `${url}/api/v1/history?${PLOT}`, bare.url, 300);
    if (PARTS.has("metrics")) await answers("/metrics", `${url}/metrics`, bare.url, 100);
    if (PARTS.has("view")) await firstView(url);
    if (PARTS.has("size")) pageSize();
    if (PARTS.has("watch")) await watchers(bench);
  });
}

/** Fills the store with a value a minute of one point. */
async function fillHistory(site: Site): Promise<void> {
  const log = createLog({ level: "silent" });
  const { settings } = await new BridgeFiles({ config: site.config, secrets: new Secrets(), env: {} }).load();
  const store = await openHistorian(settings.historian, settings.data, { log, readonly: false });
  const minutes = DAYS * 24 * 60;
  const now = Math.floor(Date.now() / 60_000) * 60_000_000;
  for (let at = minutes; at > 0; at -= 10_000)
    await store.backend.write(
      Array.from({ length: Math.min(10_000, at) }, (_, index) => ({
        topic: "site/s1/portLoad_1",
        time: now - (at - index) * 60_000_000,
        value: Math.abs(Math.sin((at - index) / 300)) * 7.2,
        meta: { units: "kW", type: "float" as const, tz: "UTC" },
      })),
    );
  await store.close();
}

async function setPoints({ url, left, bare }: Bench): Promise<void> {
  const send = async (to: string, path: string, value: number, leaves: Left) => {
    const leaving = leaves();
    const sentAt = process.hrtime.bigint();
    const answer = fetch(to + path, { method: "POST", headers: HEADERS, body: JSON.stringify({ value }) });
    const ms = Number((await leaving) - sentAt) / 1e6;
    await (await answer).arrayBuffer();
    return ms;
  };
  const ours = (station: number, value: number) =>
    send(url, `/api/v1/devices/site%2Fs${station}/points/allowedLoad/set`, value, left);
  const reference = (value: number) => send(bare.url, "/set", value, bare.left);
  for (let n = 0; n < 20; n++) {
    await ours(STATIONS - n, 5);
    await reference(5);
  }
  const [mine, floor]: [number[], number[]] = [[], []];
  for (let n = 0; n < WRITES; n++) {
    await sleep(20 + (n % 7) * 5);
    const kw = 3 + (n % 30) / 10;
    mine.push(await ours(1 + ((n * 37) % (STATIONS - 20)), kw));
    floor.push(await reference(kw));
  }
  report("set point to the wire", mine, floor);
  goal("p50 < 5 ms, p99 < 50 ms", percentile(mine, 0.5) < 5 && percentile(mine, 0.99) < 50);
}

/** The time of a whole answer, beside that of the bare route. */
async function answers(name: string, address: string, bare: string, limitMs: number): Promise<void> {
  const timed = async (to: string) => {
    const begun = performance.now();
    const answer = await fetch(to, { headers: HEADERS });
    const { byteLength } = await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`${to} answered ${answer.status}`);
    return [performance.now() - begun, byteLength] as const;
  };
  await timed(address);
  const [mine, floor]: [number[], number[]] = [[], []];
  let bytes = 0;
  for (let n = 0; n < 12; n++) {
    const [ms, length] = await timed(address);
    bytes = length;
    mine.push(ms);
    floor.push((await timed(bare))[0]);
    // The text of /metrics is kept for a second.
    await sleep(1100);
  }
  report(`${name} (${Math.round(bytes / 1000)} kB)`, mine, floor);
  goal(`median < ${limitMs} ms`, percentile(mine, 0.5) < limitMs);
}

/** Chromium's own clock, from the first byte to the frame after the first station is there, in a browser without a cache. */
async function firstView(url: string): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < 7; n++) {
    const context = await contextOf(browser);
    await context.addInitScript(`new MutationObserver((_, observer) => {
      if (!document.querySelector("tbody tr")) return;
      observer.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(() => { window.firstRow = performance.now(); }));
    }).observe(document, { childList: true, subtree: true })`);
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForSelector("tbody tr");
    while (!(await page.evaluate("window.firstRow"))) await sleep(50);
    const since = "window.firstRow - performance.getEntriesByType('navigation')[0].responseStart";
    times.push((await page.evaluate(since)) as number);
    await context.close();
  }
  console.log(
    `first view             median ${cell(percentile(times, 0.5))} ms after the first byte, longest ${cell(Math.max(...times))}`,
  );
  goal("median < 1,000 ms", percentile(times, 0.5) < 1000);
}

/** What a browser loads for the Stations view; other views and charts are loaded when they are opened. */
function pageSize(): void {
  const folder = fileURLToPath(new URL("../dist/web/page", import.meta.url));
  const read = (name: string) => readFileSync(join(folder, name));
  const names = new Set(["index.html"]);
  for (const [name] of read("index.html")
    .toString()
    .matchAll(/assets\/[^"]+/g))
    names.add(name);
  for (const name of readdirSync(join(folder, "assets")))
    if (/^stations-.*\.js$/.test(name)) names.add(`assets/${name}`);
  for (const name of names)
    for (const [, imported] of read(name)
      .toString()
      .matchAll(/(?:from|import)"\.\/([^"]+)"/g))
      names.add(`assets/${imported}`);
  const sizeOf = (all: Iterable<string>) =>
    [...all].reduce((sum, name) => sum + brotliCompressSync(read(name)).length, 0) / 1000;
  const every = readdirSync(join(folder, "assets")).map((name) => `assets/${name}`);
  console.log(
    `page                   ${sizeOf(names).toFixed(1)} kB compressed for the first view; ${sizeOf(["index.html", ...every]).toFixed(1)} kB with every view and its chart`,
  );
  goal("< 80 kB", sizeOf(names) < 80);
}

/** Processor time of the bridge, in seconds. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** `--seconds` is a multiple of the scrape interval, so that each time has as many rounds. Alternates between idle and watched times, so that what else happens on the machine is in both. */
async function watchers({ url, pid }: Bench): Promise<void> {
  const use = async () => {
    const before = cpuOf(pid);
    await sleep(SECONDS * 1000);
    return (cpuOf(pid) - before) / SECONDS;
  };
  const [idle, watched]: [number[], number[]] = [[], []];
  for (let n = 0; n < 3; n++) {
    idle.push(await use());
    const stop = new AbortController();
    const clients = Array.from({ length: 20 }, () => listenTo(url, stop.signal));
    const page = await pageOf(browser, url);
    await page.waitForSelector("tbody tr");
    watched.push(await use());
    await page.context().close();
    stop.abort();
    await Promise.all(clients);
  }
  const cost = percentile(watched, 0.5) - percentile(idle, 0.5);
  const share = (value: number) => `${(value * 100).toFixed(1)} %`;
  console.log(
    `20 clients, a browser ${share(cost)} of a core (${share(percentile(watched, 0.5))} beside ${share(percentile(idle, 0.5))} without them)`,
  );
  goal("< 5 % of a core", cost < 0.05);
}

async function listenTo(url: string, signal: AbortSignal): Promise<void> {
  try {
    const { body } = await fetch(`${url}/api/v1/live`, { headers: HEADERS, signal });
    for await (const chunk of body!) void chunk;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The table of a fleet, scrolled by the wheel; and an empty page, scrolled the same way. */
async function scrolling(stations: number): Promise<void> {
  await withBridge(stations, async ({ url }) => {
    const longest = async (address: string, ready: string) => {
      const page = await pageOf(browser, address);
      await page.waitForSelector(ready);
      await sleep(3000);
      await page.evaluate(
        "window.tasks = []; new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration))).observe({ type: 'longtask' })",
      );
      await page.mouse.move(600, 500);
      for (let n = 0; n < 200; n++) {
        await page.mouse.wheel(0, n % 20 === 19 ? 40_000 : 700);
        await sleep(25);
      }
      const tasks = (await page.evaluate("window.tasks")) as number[];
      await page.context().close();
      return Math.max(0, ...tasks);
    };
    const ours = await longest(url, "tbody tr");
    const empty = await longest(`${url}/healthz`, "pre");
    console.log(
      `${stations} stations scrolled: longest task ${ours} ms (0: none of 50 ms), empty page ${empty} ms`,
    );
    goal("no task over 50 ms", ours <= 50);
  });
}

function contextOf(of: Browser) {
  return of.newContext({
    viewport: { width: 1440, height: 900 },
    extraHTTPHeaders: { authorization: HEADERS.authorization },
  });
}

async function pageOf(of: Browser, url: string) {
  const context = await contextOf(of);
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

async function online(url: string, stations: number): Promise<void> {
  for (const deadline = Date.now() + 300_000; Date.now() < deadline; await sleep(500)) {
    const answer = await fetch(`${url}/api/v1/devices`, { headers: HEADERS }).catch(() => undefined);
    if (!answer?.ok) continue;
    const { devices } = (await answer.json()) as { devices: { readAt: string | null }[] };
    if (devices.filter(({ readAt }) => readAt !== null).length >= stations) return;
  }
  throw new Error(`not all of ${stations} stations were read within five minutes`);
}

function start(...args: string[]) {
  return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
}

function linesOf(stream: Readable): { first(pattern: RegExp): Promise<RegExpExecArray>; left: Left } {
  let wake: (ns: bigint) => void = () => undefined;
  const lines = createInterface(stream);
  lines.on("line", (line) => {
    if (line.startsWith("LEFT ")) wake(BigInt(line.slice(5)));
    else if (!line.startsWith("ready")) console.error(line);
  });
  return {
    async first(pattern) {
      for (;;) {
        const [line] = await once(lines, "line");
        const found = pattern.exec(line);
        if (found) return found;
      }
    },
    left() {
      const { promise, resolve, reject } = Promise.withResolvers<bigint>();
      wake = resolve;
      const late = setTimeout(() => reject(new Error("no shedLoad left")), DEADLINE_MS);
      return promise.finally(() => clearTimeout(late));
    },
  };
}

function report(name: string, mine: readonly number[], floor: readonly number[]): void {
  const shown = (values: readonly number[]) =>
    `p50 ${cell(percentile(values, 0.5))} ms, p99 ${cell(percentile(values, 0.99))} ms`;
  console.log(
    `${name.padEnd(22)} ${shown(mine)}; bare route ${shown(floor)}; x ${(percentile(mine, 0.5) / percentile(floor, 0.5)).toFixed(1)}`,
  );
}

function goal(text: string, reached: boolean): void {
  console.log(`  goal (${text}): ${reached ? "reached" : "missed"}`);
}

function cell(value: number): string {
  return value.toFixed(1).padStart(6);
}
