import protobuf from "protobufjs";
import { read } from "../../../helpers/made-files.ts";
import type { TcpProxy } from "../../../helpers/tcp-proxy.ts";

export interface Value {
  type?: number;
  is_null?: boolean;
  int_value?: number;
  long_value?: number;
  float_value?: number;
  double_value?: number;
  boolean_value?: boolean;
  string_value?: string;
}

export interface Metric extends Omit<Value, "type"> {
  name?: string;
  alias?: number;
  timestamp?: number;
  datatype?: number;
  is_historical?: boolean;
  properties?: { keys: string[]; values: Value[] };
}

export interface Payload {
  timestamp?: number;
  seq?: number;
  metrics: Metric[];
}

export interface Message {
  topic: string;
  qos: number;
  retain: boolean;
  /** Absent where the bytes are no payload of Sparkplug B. */
  payload?: Payload;
  /** The content of a STATE message. */
  state?: { online?: unknown; timestamp?: unknown };
}

/** A packet between the edge node and the broker, or what happened at the site. */
export type Entry = { connection: number /** Milliseconds since 1970. */; at: number } & (
  | { kind: "connect"; version: number; isClean: boolean; sessionExpiry: number; will?: Message }
  | { kind: "connack" }
  | { kind: "closed" }
  | { kind: "subscribe"; filters: { filter: string; qos: number }[] }
  | ({ kind: "publish" } & Message)
  | ({ kind: "delivered" } & Message)
  | { kind: "disconnect"; reason: number }
  | { kind: "lost"; device: string }
  | { kind: "changed"; device: string | undefined; metric: string; value: unknown }
);

export type Of<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;

export interface Record {
  readonly version: 4 | 5;
  readonly group: string;
  readonly node: string;
  readonly host: string;
  readonly entries: Entry[];
}

// By the schema itself and not by the bridge's codec, which is what is judged.
const PAYLOAD = protobuf
  .parse(read("src/integrations/sparkplug/sparkplug_b.proto"), { keepCase: true })
  .root.lookupType("org.eclipse.tahu.protobuf.Payload");

export function payloadOf(bytes: Uint8Array): Payload | undefined {
  try {
    const message = PAYLOAD.decode(bytes);
    // Fields that the schema does not have would be missing here.
    if (PAYLOAD.encode(message).finish().length !== bytes.length) return undefined;
    return PAYLOAD.toObject(message, { longs: Number, enums: Number, arrays: true }) as Payload;
  } catch {
    return undefined;
  }
}

/** Notes everything that passes the proxy in front of the broker. */
export function recordAt(proxy: TcpProxy, about: Omit<Record, "entries">): Record {
  const record: Record = { ...about, entries: [] };
  const streams = new Map<string, { rest: Buffer; version: number }>();
  proxy.tap = (connection, from, bytes) => {
    const at = Date.now();
    if (bytes === "end") {
      record.entries.push({ kind: "closed", connection, at });
      return;
    }
    const key = `${connection} ${from}`;
    const stream = streams.get(key) ?? { rest: Buffer.alloc(0), version: about.version };
    streams.set(key, stream);
    stream.rest = Buffer.concat([stream.rest, bytes]);
    for (;;) {
      const packet = nextPacket(stream.rest);
      if (!packet) return;
      stream.rest = stream.rest.subarray(packet.length);
      const entry = entryOf(packet.header, packet.body, about.version, from === "near");
      if (entry) record.entries.push({ connection, at, ...entry } as Entry);
    }
  };
  return record;
}

function nextPacket(bytes: Buffer): { header: number; body: Buffer; length: number } | undefined {
  let size = 0;
  for (let i = 1; i < Math.min(bytes.length, 5); i++) {
    size += (bytes[i]! & 127) << (7 * (i - 1));
    if (bytes[i]! & 128) continue;
    const length = i + 1 + size;
    if (bytes.length < length) return undefined;
    return { header: bytes[0]!, body: bytes.subarray(i + 1, length), length };
  }
  return undefined;
}

/** Reads the body of a packet (MQTT 5 §1.5). */
class Body {
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++]!;
  }

  short(): number {
    return this.byte() * 256 + this.byte();
  }

  binary(): Buffer {
    const length = this.short();
    return this.take(length);
  }

  text(): string {
    return this.binary().toString();
  }

  take(length = this.#bytes.length - this.#at): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  properties(): Buffer {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      length += (byte & 127) << shift;
      if (byte < 128) return this.take(length);
    }
  }
}

type Unplaced = Entry extends infer E ? (E extends Entry ? Omit<E, "connection" | "at"> : never) : never;

function entryOf(header: number, bytes: Buffer, version: number, isSent: boolean): Unplaced | undefined {
  const body = new Body(bytes);
  switch (header >> 4) {
    case 1:
      return connectOf(body);
    case 2:
      return { kind: "connack" };
    case 3: {
      const topic = body.text();
      const qos = (header >> 1) & 3;
      if (qos > 0) body.short();
      if (version === 5) body.properties();
      const message = messageOf(topic, body.take(), qos, (header & 1) === 1);
      return isSent ? { kind: "publish", ...message } : { kind: "delivered", ...message };
    }
    case 8: {
      body.short();
      if (version === 5) body.properties();
      const filters: { filter: string; qos: number }[] = [];
      while (!body.isEmpty) filters.push({ filter: body.text(), qos: body.byte() & 3 });
      return { kind: "subscribe", filters };
    }
    case 14:
      return isSent ? { kind: "disconnect", reason: body.isEmpty ? 0 : body.byte() } : undefined;
    default:
      return undefined;
  }
}

function connectOf(body: Body): Unplaced {
  body.text();
  const version = body.byte();
  const flags = body.byte();
  body.short();
  const sessionExpiry = version === 5 ? sessionExpiryOf(body.properties()) : 0;
  body.text();
  let will: Message | undefined;
  if (flags & 4) {
    if (version === 5) body.properties();
    will = messageOf(body.text(), body.binary(), (flags >> 3) & 3, (flags & 32) !== 0);
  }
  return { kind: "connect", version, isClean: (flags & 2) !== 0, sessionExpiry, will };
}

/** Sizes of the properties of CONNECT that have one; the others are text or pairs of text (MQTT 5 §2.2.2.2). */
const SIZES = new Map([
  [0x11, 4],
  [0x17, 1],
  [0x19, 1],
  [0x21, 2],
  [0x22, 2],
  [0x27, 4],
]);

function sessionExpiryOf(bytes: Buffer): number {
  const body = new Body(bytes);
  while (!body.isEmpty) {
    const property = body.byte();
    const size = SIZES.get(property);
    if (property === 0x11) return body.take(4).readUInt32BE();
    if (size !== undefined) body.take(size);
    else for (let texts = property === 0x26 ? 2 : 1; texts > 0; texts--) body.binary();
  }
  return 0;
}

function messageOf(topic: string, bytes: Buffer, qos: number, retain: boolean): Message {
  if (topic.split("/")[1] !== "STATE") return { topic, qos, retain, payload: payloadOf(bytes) };
  return { topic, qos, retain, state: JSON.parse(bytes.toString() || "{}") };
}
