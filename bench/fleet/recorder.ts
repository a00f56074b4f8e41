/**
 * The subscriber of `bench/fleet.ts` in a process of its own: counts the scrapes of each round as the broker hands them
 * out, and when the last of them came. Argument: the broker's URL.
 */
import { connectAsync } from "mqtt";

export interface Received {
  /** `SynchronizedTimeStamp` of a round → messages of different devices, when the last of them came, further ones. */
  readonly [slot: string]: { readonly devices: number; readonly repeats: number; readonly lastAt: number };
}

const rounds = new Map<string, { devices: Set<string>; repeats: number; lastAt: number }>();
const client = await connectAsync(process.argv[2]!, { protocolVersion: 5 });
client.on("message", (topic, payload, { retain }) => {
  if (retain) return;
  // The headers come last; the rest of the message is not worth the time of reading it.
  const tail = payload.toString("utf8", Math.max(0, payload.length - 200));
  const slot = /"SynchronizedTimeStamp": ?"([^"]+)"/.exec(tail)?.[1] ?? "none";
  const round = rounds.get(slot) ?? { devices: new Set(), repeats: 0, lastAt: 0 };
  rounds.set(slot, round);
  // Set points are followed by another scrape of their device, which is no part of the round.
  if (round.devices.has(topic)) round.repeats++;
  else round.lastAt = Date.now();
  round.devices.add(topic);
});
await client.subscribeAsync("devices/+/+/all", { qos: 1 });
process.on("message", () => {
  const received = [...rounds].map(([slot, { devices, repeats, lastAt }]) => [
    new Date(slot).getTime(),
    { devices: devices.size, repeats, lastAt },
  ]);
  process.send!(Object.fromEntries(received) as Received);
});
process.once("disconnect", () => process.exit());
process.send!("ready");
