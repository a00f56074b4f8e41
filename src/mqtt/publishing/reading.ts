import type { NewDeadLetter, NewRecord } from "../../queue/contract.ts";
import { ImpossibleMessageError, type Message, PublishRefusedError, reasonOf } from "../broker/link.ts";
import { type HeaderPlaces, type Headers, userProperties, volttronMessage } from "../payloads.ts";

/** A message of a scrape before its final form, which depends on the connection and on the time of sending. */
export interface Reading {
  readonly topic: string;
  /** JSON text: value and metadata of VOLTTRON's form, or the one object of the plain form. */
  readonly body: readonly [value: string, metadata: string] | readonly [object: string];
  /** JSON text of {@link Headers}. */
  readonly headers: string;
  /** Number of values. */
  readonly samples: number;
  /** Milliseconds since 1970 UTC. */
  readonly time: number;
}

/** How readings are published over the present connection. */
export interface Sending {
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly places: HeaderPlaces;
}

/** Minimum length of metadata that is stored once for all records with the same: that of a whole device, in characters. */
const SHARED_FROM = 200;

/** Returns the record of a reading: topic, headers and body, one JSON text a line; long metadata is shared instead. */
export function readingRecord({ topic, body, headers, samples, time }: Reading): NewRecord {
  const [value, metadata = ""] = body;
  if (metadata.length < SHARED_FROM)
    return { text: [JSON.stringify(topic), headers, ...body].join("\n"), samples, key: topic, time };
  return {
    text: `${JSON.stringify(topic)}\n${headers}\n${value}`,
    ...{ shared: metadata, samples, key: topic, time },
  };
}

/** Content of a record. */
type ReadingText = Pick<NewRecord, "text" | "shared">;

/**
 * Returns the message of a queued reading. A late one is marked (`Late` among the headers; `late` in the plain form) and not
 * retained: the broker may retain a newer one. Throws a SyntaxError where the text is not that of a reading.
 */
export function readingMessage(
  { text, shared }: ReadingText,
  late: boolean,
  { qos, retain, places }: Sending,
): Message {
  const [topic, headers, body, metadata = shared] = text.split("\n");
  if (topic === undefined || headers === undefined || body === undefined)
    throw new SyntaxError("this record is not a message of the outbox");
  const marked = late ? withMember(headers, '"Late":true') : headers;
  const payload =
    metadata !== undefined
      ? volttronMessage(body, metadata, places.inPayload ? marked : undefined)
      : late
        ? withMember(body, '"late":true')
        : body;
  return {
    topic: JSON.parse(topic),
    payload,
    qos,
    retain: retain && !late,
    ...(places.inProperties && { userProperties: propertiesOf(marked) }),
  };
}

/** Properties of the last headers: many devices are read at the same time. */
let last: { readonly headers: string; readonly properties: Readonly<Record<string, string>> } | undefined;

function propertiesOf(headers: string): Readonly<Record<string, string>> {
  if (last?.headers !== headers)
    last = { headers, properties: userProperties(JSON.parse(headers) as Headers) };
  return last.properties;
}

/** Returns the text of a JSON object that has members, with one more. */
function withMember(object: string, member: string): string {
  return `${object.slice(0, -1)},${member}}`;
}

/** Names of the reason codes with which a broker refuses a message (MQTT 5 §3.4.2.1). */
const REFUSALS: Readonly<Record<number, string>> = {
  128: "unspecified_error",
  131: "broker_specific",
  135: "not_authorized",
  144: "bad_topic",
  149: "too_large",
  151: "quota_exceeded",
  153: "bad_payload",
};

/** Returns the dead letter of a record that was refused for good, with the reason; it holds shared metadata too. */
export function deadReading(record: NewRecord, error: unknown): NewDeadLetter {
  const { shared, samples, key, time } = record;
  const text = shared === undefined ? record.text : `${record.text}\n${shared}`;
  return { text, samples, key, time, reason: refusalOf(error), detail: reasonOf(error) };
}

function refusalOf(error: unknown): string {
  if (error instanceof ImpossibleMessageError) return error.reason;
  if (error instanceof SyntaxError) return "damaged";
  if (!(error instanceof PublishRefusedError)) return "refused";
  // The code that mqtt.js cannot read is that of a message that is too large.
  return error.code === undefined ? "too_large" : (REFUSALS[error.code] ?? `code_${error.code}`);
}
