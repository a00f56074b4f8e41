// Prints every scrape that a bridge publishes: when, which device, and the values that are not null.
// Usage: subscribe.mts [--url mqtt://127.0.0.1:1883] [--count N]     (N: leave after so many scrapes)
import { parseArgs } from "node:util";
import { connectAsync } from "mqtt";

const { values: flags } = parseArgs({
  options: { url: { type: "string", default: "mqtt://127.0.0.1:1883" }, count: { type: "string" } },
});

const client = await connectAsync(flags.url, { connectTimeout: 5000 }, false).catch((error: unknown) => {
  console.error(`no broker at ${flags.url}: ${(error as Error).message}`);
  process.exit(1);
});

let left = flags.count === undefined ? Number.POSITIVE_INFINITY : Number(flags.count);
client.on("message", (topic, payload) => {
  // devices/<path>/all carries [values, metadata, headers]; devices/all/<reversed path> would end otherwise.
  if (!topic.startsWith("devices/") || !topic.endsWith("/all") || left <= 0) return;
  const [values, , headers] = JSON.parse(payload.toString()) as [
    Record<string, unknown>,
    Record<string, { units: string; type: string; tz: string }>,
    { TimeStamp: string },
  ];
  const device = topic.slice("devices/".length, -"/all".length);
  const known = Object.entries(values).filter(([, value]) => value !== null);
  console.log(headers.TimeStamp, device, Object.fromEntries(known));
  left -= 1;
  if (left <= 0) client.end();
});
await client.subscribeAsync("devices/#", { qos: 1 });
