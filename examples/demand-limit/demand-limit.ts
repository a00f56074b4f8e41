// Keeps the sum of a site's charging under a limit: above it, every charging station gets an equal share as its
// allowedLoad; when the load has stayed well below for a while, the limits are reverted.
//
// Usage: demand-limit.ts --limit 20 [--url mqtt://127.0.0.1:1883] [--site campus/garage] [--release 0.7] [--calm 3]
//   --limit    kW for the whole site
//   --site     devices whose topic path starts so (default: all)
//   --release  share of the limit under which the site counts as calm (default 0.7)
//   --calm     scrapes of every station that it must stay calm before the limits go (default 3)
//
// Every limit ends by itself: the bridge renews it while it is held (shed_lease_minutes), and this script reverts what it
// set when it is stopped.
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

/** Load of every station by device path, kW. */
const loads = new Map<string, number>();
/** Limit that this script asked for, by device path, kW. */
const limits = new Map<string, number>();
let calmScrapes = 0;

function onScrape(device: string, stationLoad: unknown): void {
  if (typeof stationLoad !== "number") return;
  loads.set(device, stationLoad);
  const total = [...loads.values()].reduce((sum, load) => sum + load, 0);
  if (total > limitKw) {
    calmScrapes = 0;
    shed(total);
  } else if (limits.size > 0 && total < limitKw * Number(flags.release)) {
    calmScrapes += 1;
    if (calmScrapes >= Number(flags.calm) * loads.size) release(total);
  } else calmScrapes = 0;
}

function shed(total: number): void {
  const charging = [...loads].filter(([, load]) => load > 0).map(([device]) => device);
  const share = Math.floor((limitKw / charging.length) * 10) / 10;
  for (const device of charging) {
    if (limits.get(device) === share) continue;
    limits.set(device, share);
    console.log(`site at ${total.toFixed(1)} kW of ${limitKw}: ${device} may draw ${share} kW`);
    client.publish(`devices/actuators/set/${device}/allowedLoad`, JSON.stringify(share), { qos: 1 });
  }
}

function release(total: number): void {
  for (const device of limits.keys()) {
    console.log(`site at ${total.toFixed(1)} kW of ${limitKw}: ${device} is free again`);
    client.publish(`devices/actuators/revert/point/${device}/allowedLoad`, "", { qos: 1 });
  }
  limits.clear();
  calmScrapes = 0;
}

client.on("message", (topic, payload) => {
  const scrape = /^devices\/(.+)\/all$/.exec(topic);
  if (scrape?.[1]?.startsWith(flags.site)) {
    const [values] = JSON.parse(payload.toString()) as [Record<string, unknown>];
    onScrape(scrape[1], values.stationLoad);
  } else if (topic.startsWith("devices/actuators/error/")) {
    // The bridge says why it refused, or which code the service gave; nothing was limited then.
    const device = topic.slice("devices/actuators/error/".length).replace(/\/allowedLoad$/, "");
    console.error(`${device}: ${payload}`);
    limits.delete(device);
  }
});
await client.subscribeAsync(["devices/#"], { qos: 1 });
console.log(
  `keeping ${flags.site || "all devices"} at ${flags.url} under ${limitKw} kW; Ctrl-C reverts and ends`,
);

process.once("SIGINT", () => {
  release([...loads.values()].reduce((sum, load) => sum + load, 0));
  client.end();
});
