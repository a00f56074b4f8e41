// Keeps the sum of a site's charging under a limit: above it, every charging station gets an equal share as its
// allowedLoad; when the load has stayed well below for a while, the limits are reverted.
//
// Usage: demand-limit.mts --limit 20 [--url mqtt://127.0.0.1:1883] [--site campus/garage] [--release 0.7] [--calm 3]
//   --limit    kW for the whole site
//   --site     devices whose topic path starts so (default: all)
//   --release  share of the limit under which the site counts as calm (default 0.7)
//   --calm     rounds that it must stay calm before the limits go (default 3)
//
// It decides once a round, when every station of the site was scraped. The bridge renews a limit while it is held
// (shed_lease_minutes), so this script reverts what it set when it is stopped.
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connectAsync } from "mqtt";

const { values: flags } = parseArgs({
  options: {
    url: { type: "string", default: "mqtt://127.0.0.1:1883" },
    limit: { type: "string" },
    site: { type: "string", default: "" },
    release: { type: "string", default: "0.7" },
    calm: { type: "string", default: "3" },
  },
});
const limitKw = Number(flags.limit);
if (!(limitKw >= 0)) {
  console.error("--limit is needed: the most that the site may draw, in kW");
  process.exit(2);
}

const client = await connectAsync(flags.url, { connectTimeout: 5000 }, false).catch((error: unknown) => {
  console.error(`no broker at ${flags.url}: ${(error as Error).message}`);
  process.exit(1);
});

const REQUESTER = "demand-limit";
/** A station that is missing while another was scraped this often counts with what it drew last. */
const MISSED_SCRAPES = 3;
const END_MS = 15_000;

/** Devices of each bridge, by the topic that lists them. */
const bridges = new Map<string, readonly string[]>();
/** Load of every station by device path, kW. */
const loads = new Map<string, number>();
/** Scrapes since the last decision, by device path. */
const scraped = new Map<string, number>();
/** Limit that was asked for last, by device path, kW. */
const asked = new Map<string, number>();
/** Devices that may be limited by this script: from the first command on until a revert of theirs was confirmed. */
const limited = new Set<string>();
let calmRounds = 0;
let ending = false;

function onScrape(device: string, stationLoad: unknown): void {
  if (typeof stationLoad === "number") loads.set(device, stationLoad);
  const scrapes = (scraped.get(device) ?? 0) + 1;
  scraped.set(device, scrapes);
  const site = [...bridges.values()].flat().filter((one) => one.startsWith(flags.site));
  const complete = site.length > 0 && site.every((one) => scraped.has(one));
  if (ending || (!complete && scrapes < MISSED_SCRAPES)) return;
  scraped.clear();
  decide();
}

function decide(): void {
  const total = siteLoad();
  if (total > limitKw) {
    calmRounds = 0;
    shed(total);
  } else if (limited.size > 0 && total < limitKw * Number(flags.release)) {
    calmRounds += 1;
    if (calmRounds >= Number(flags.calm)) release(total);
  } else calmRounds = 0;
}

function siteLoad(): number {
  return [...loads.values()].reduce((sum, load) => sum + load, 0);
}

function shed(total: number): void {
  const charging = [...loads].filter(([, load]) => load > 0).map(([device]) => device);
  const share = Math.floor((limitKw / charging.length) * 10) / 10;
  for (const device of charging) {
    if (asked.get(device) === share) continue;
    asked.set(device, share);
    limited.add(device);
    console.log(`site at ${total.toFixed(1)} kW of ${limitKw}: ${device} may draw ${share} kW`);
    send(`devices/actuators/set/${device}/allowedLoad`, { value: share, requester: REQUESTER });
  }
}

function release(total: number): void {
  for (const device of limited) {
    asked.delete(device);
    console.log(`site at ${total.toFixed(1)} kW of ${limitKw}: ${device} is free again`);
    send(`devices/actuators/revert/point/${device}/allowedLoad`, { requester: REQUESTER });
  }
  calmRounds = 0;
}

function send(topic: string, message: object): void {
  client.publish(topic, JSON.stringify(message), { qos: 1 });
}

/** The bridge says why it refused, or which code the service gave. What was limited before still is. */
function onError(device: string, { type, value }: { type?: string; value?: string }): void {
  console.error(`${device}: ${type}: ${value}`);
  // A later command took its place and has an answer of its own; anything else is asked again while the site is above the limit.
  if (type !== "SupersededError") asked.delete(device);
}

function onReverted(device: string, { status, final }: { status?: string; final?: boolean }): void {
  if (final === false) return;
  if (status === "unconfirmed") console.error(`${device}: reverted, and not seen to be free yet`);
  // A limit that was asked for since stands.
  else if (!asked.has(device)) limited.delete(device);
}

client.on("message", (topic, payload) => {
  const message = parsed(payload.toString());
  const device = /^devices\/(?:actuators\/(?:error|reverted\/point)\/)?(.+)\/(?:all|allowedLoad)$/.exec(
    topic,
  )?.[1];
  if (/^voltbridge\/[^/]+\/info$/.test(topic)) bridges.set(topic, message?.devices ?? []);
  else if (!device?.startsWith(flags.site)) return;
  else if (topic.startsWith("devices/actuators/error/")) {
    if (message?.requesterID === REQUESTER) onError(device, message);
  } else if (topic.startsWith("devices/actuators/reverted/")) {
    if (message?.[2]?.requesterID === REQUESTER) onReverted(device, message[2]);
  } else if (topic.endsWith("/all")) onScrape(device, message?.[0]?.stationLoad);
});

/** Undefined for what is no JSON: other programs may publish below the same topics. */
function parsed(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

await client.subscribeAsync(["voltbridge/+/info", "devices/#"], { qos: 1 });
console.log(
  `keeping ${flags.site || "all devices"} at ${flags.url} under ${limitKw} kW; Ctrl-C reverts and ends`,
);

/** Reverts, and waits until the bridge has answered. */
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  release(siteLoad());
  for (let waited = 0; limited.size > 0 && waited < END_MS; waited += 100) await delay(100);
  if (limited.size > 0) {
    console.error(`not confirmed to be free: ${[...limited].join(", ")}; see "voltbridge sheds"`);
    process.exitCode = 1;
  }
  await client.endAsync(limited.size > 0);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void end());
