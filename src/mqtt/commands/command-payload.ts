import { closest } from "../../config/files/did-you-mean.ts";
import { convertValue, type PointValue } from "../../points/index.ts";

/** Content of a command's message, apart from its topic. */
export interface CommandPayload {
  /** Undefined where the message holds none; a set needs one. */
  readonly value?: PointValue;
  readonly id?: string;
  readonly requester?: string;
  readonly sentAt?: Date;
  readonly expiresAt?: Date;
  readonly durationMinutes?: number;
}

/** The message is not a command. The text says what is wrong and what was expected. */
export class BadPayloadError extends Error {
  override readonly name = "BadPayloadError";
}

/** Maximum length of a command payload, in bytes. Longer ones are not decoded. */
const LONGEST_PAYLOAD = 16 * 1024;
/** Maximum length of a request that holds many slots, points or calls, in bytes. */
export const LONGEST_REQUEST = 256 * 1024;
const DEEPEST_VALUE = 16;
const LONGEST_NAME = 128;

const KEYS = ["value", "id", "requester", "expires_at", "duration_minutes"];
const EXPECTED =
  'a JSON value, e.g. 16.5, or {"value": 16.5, "id": "…", "requester": "…", "duration_minutes": 30}';

/**
 * Parses a command's message: a JSON value; an object with `value` and further keys; or VOLTTRON's
 * `{"headers": {…}, "message": value}`. `bareText`: a payload that is not JSON is taken as text (`state/…/set`). MQTT 5 user
 * properties mean the same as `headers`; the message takes precedence. Throws BadPayloadError.
 */
export function parseCommandPayload(
  payload: Uint8Array,
  options: { bareText: boolean; userProperties: Readonly<Record<string, string>> },
): CommandPayload {
  const fromProperties = readHeaders(options.userProperties);
  const body = decodeJson(payload, { expected: EXPECTED, bareText: options.bareText });
  if (!isObject(body)) return body === undefined ? fromProperties : { ...fromProperties, value: body };
  const keys = Object.keys(body);
  if (isEnvelope(body)) {
    const { message } = body;
    const value = message === undefined || message === null ? {} : { value: message };
    return { ...fromProperties, ...readHeaders(body.headers), ...value };
  }
  if (keys.length === 0 || !keys.some((key) => KEYS.includes(key))) return { ...fromProperties, value: body };
  const unknown = keys.find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    const near = closest(unknown, KEYS);
    throw new BadPayloadError(
      `unknown key "${unknown}" beside the command's own${near ? `; did you mean "${near}"?` : ""}; expected ${EXPECTED}`,
    );
  }
  const value = body.value === undefined ? {} : { value: body.value };
  return { ...fromProperties, ...readHeaders(body), ...value };
}

/** Returns whether an object is VOLTTRON's `{"headers": {…}, "message": …}`. */
export function isEnvelope(
  body: Record<string, PointValue>,
): body is { headers: Record<string, PointValue>; message: PointValue } {
  return isObject(body.headers) && Object.keys(body).every((key) => key === "headers" || key === "message");
}

/** Returns the value that a set requests. Throws BadPayloadError where the message holds none. */
export function valueToSet(payload: CommandPayload): PointValue {
  // Neither null nor "" is a value of any point: the conversions take both for "no value".
  if (payload.value === undefined || payload.value === null || payload.value === "")
    throw new BadPayloadError(`the message holds no value; expected ${EXPECTED}`);
  return payload.value;
}

/**
 * Returns the JSON value of a message; undefined where it is empty. Throws BadPayloadError where it is too long, not UTF-8,
 * not JSON (unless `bareText`), nested too deep, or holds the key `__proto__`.
 */
export function decodeJson(
  payload: Uint8Array,
  options: { readonly expected: string; readonly bareText?: boolean; readonly longest?: number },
): PointValue | undefined {
  const { expected, bareText = false, longest = LONGEST_PAYLOAD } = options;
  if (payload.length > longest)
    throw new BadPayloadError(`the message has ${payload.length} bytes; at most ${longest} are read`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch {
    throw new BadPayloadError("the message is not UTF-8 text");
  }
  if (text.trim() === "") return undefined;
  let value: PointValue;
  try {
    value = JSON.parse(text) as PointValue;
  } catch {
    if (bareText) return text;
    throw new BadPayloadError(
      `the message is not JSON: ${JSON.stringify(shorten(text))}; expected ${expected}`,
    );
  }
  checkValue(value, DEEPEST_VALUE);
  return value;
}

function checkValue(value: PointValue, levels: number): void {
  if (typeof value === "number" && !Number.isFinite(value))
    throw new BadPayloadError("the message holds a number that is too large");
  if (typeof value !== "object" || value === null) return;
  if (levels === 0) throw new BadPayloadError(`the message is nested deeper than ${DEEPEST_VALUE} levels`);
  if (Object.hasOwn(value, "__proto__")) throw new BadPayloadError('the message holds the key "__proto__"');
  for (const member of Object.values(value)) checkValue(member, levels - 1);
}

/** Reads headers; names are compared without regard to case, as VOLTTRON does. Throws BadPayloadError. */
export function readHeaders(headers: Readonly<Record<string, PointValue>>): Omit<CommandPayload, "value"> {
  const folded = foldedHeaders(headers);
  const first = (...names: string[]): [string, PointValue] | undefined => {
    const name = names.find((candidate) => (folded.get(candidate) ?? null) !== null);
    return name === undefined ? undefined : [name, folded.get(name)!];
  };
  const id = first("id");
  const requester = first("requester", "requesterid");
  const sentAt = first("time", "timestamp", "date");
  const expiresAt = first("expires_at", "expires");
  const duration = first("duration_minutes");
  return {
    ...(id && { id: readName(...id) }),
    ...(requester && { requester: readName(...requester) }),
    ...(sentAt && { sentAt: readTime(...sentAt) }),
    ...(expiresAt && { expiresAt: readTime(...expiresAt) }),
    ...(duration && { durationMinutes: readMinutes(...duration) }),
  };
}

export function foldedHeaders(headers: Readonly<Record<string, PointValue>>): Map<string, PointValue> {
  return new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function readName(key: string, value: PointValue): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "string" && value !== "" && value.length <= LONGEST_NAME) return value;
  throw new BadPayloadError(`"${key}" must be text of 1 to ${LONGEST_NAME} characters`);
}

function readTime(key: string, value: PointValue): Date {
  const time = convertValue(value, "datetime");
  if (!time.ok || time.value === null)
    throw new BadPayloadError(`"${key}" must be a date and time, e.g. 2026-11-21T08:00:00Z`);
  return new Date(time.value as string);
}

function readMinutes(key: string, value: PointValue): number {
  const minutes = convertValue(value, "integer");
  if (minutes.ok && typeof minutes.value === "number" && minutes.value > 0) return minutes.value;
  throw new BadPayloadError(`"${key}" must be a whole number of minutes, at least 1`);
}

export function isObject(value: PointValue | undefined): value is Record<string, PointValue> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
