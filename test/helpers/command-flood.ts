import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";

const TICK_MS = 10;

export interface Flood {
  readonly url: string;
  readonly topic: string;
  readonly payload: string;
  readonly perSecond: number;
  readonly seconds: number;
}

/**
 * Publishes the same message (QoS 0) at a steady rate, as bytes made once, so that the sender needs next to nothing of the
 * machine. Resolves with how many were sent.
 */
export async function flood({ url, topic, payload, perSecond, seconds }: Flood): Promise<number> {
  const client = await connectAsync(url, { protocolVersion: 4 });
  const socket = client.stream as Socket;
  const packet = publishPacket(topic, payload);
  const begun = performance.now();
  let sent = 0;
  while (sent < perSecond * seconds) {
    const due = Math.min((perSecond * (performance.now() - begun)) / 1000, perSecond * seconds);
    const count = Math.floor(due) - sent;
    if (count > 0) socket.write(Buffer.alloc(count * packet.length, packet));
    sent += Math.max(count, 0);
    await delay(TICK_MS);
    if (socket.destroyed) throw new Error(`the broker ended the connection after ${sent} messages`);
  }
  await client.endAsync();
  return sent;
}

/** MQTT 3.1.1 §3.3, QoS 0. */
function publishPacket(topic: string, payload: string): Buffer {
  const name = Buffer.from(topic);
  const body = Buffer.concat([
    Buffer.from([name.length >> 8, name.length & 0xff]),
    name,
    Buffer.from(payload),
  ]);
  const length: number[] = [];
  for (let rest = body.length; ; ) {
    const more = rest >= 0x80;
    length.push((rest & 0x7f) | (more ? 0x80 : 0));
    rest >>= 7;
    if (!more) break;
  }
  return Buffer.concat([Buffer.from([0x30, ...length]), body]);
}
