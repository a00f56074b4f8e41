import type { CommandResult } from "../../devices/commands.ts";
import type { CommandSource, DeviceInfo, PointValue, WriteResult } from "../../points/index.ts";
import type { Message } from "../broker/link.ts";
import {
  busMessage,
  type HeaderPlaces,
  type Headers,
  pointMetadata,
  timeText,
  userProperties,
  volttronMessage,
} from "../payloads.ts";
import type { DeviceTarget, PointTarget, Topics } from "../topics.ts";
import { errorMessage } from "./volttron-errors.ts";

/** Outcome of a command over MQTT, as published to the response topic of a requester (JSON). */
export interface CommandAnswer extends Partial<WriteResult> {
  readonly id: string;
  readonly action: "get" | "set" | "revert";
  readonly device: string;
  /** Undefined for the revert of a whole device. */
  readonly point?: string;
  /** Value that a get read. */
  readonly value?: PointValue;
  /** Value that a set requested. */
  readonly requested?: PointValue;
  readonly tookMs?: number;
  /** Another answer follows. */
  readonly final?: false;
  /** The first answer to a command that was received again: nothing was sent to the device this time. */
  readonly repeated?: true;
}

export function answerOf(action: "set" | "revert", result: CommandResult): CommandAnswer {
  const { error, ...rest } = result;
  const failed = result.status === "refused" || result.status === "failed" || error !== undefined;
  return { ...rest, action, ...(failed && { error: error ?? "CommandError" }) };
}

/** Returns the headers of VOLTTRON's actuator answers (`time`, `requesterID`) and of the bridge's (`id`, and those of `more`). */
export function answerHeaders(
  source: Pick<CommandSource, "id" | "requester">,
  now: Date,
  more: Readonly<Record<string, PointValue | undefined>>,
): Headers {
  const headers: Record<string, PointValue> = {
    time: timeText(now),
    requesterID: source.requester,
    id: source.id,
  };
  for (const [name, value] of Object.entries(more)) if (value !== undefined) headers[name] = value;
  return headers;
}

export interface AnswerContext {
  readonly topics: Topics;
  readonly target: PointTarget | DeviceTarget;
  readonly requester: string;
  readonly now: Date;
  readonly places: HeaderPlaces;
  /** Undefined where the bridge has no such device. */
  readonly device: DeviceInfo | undefined;
}

/**
 * Returns the bridge's answer on VOLTTRON's topics: `…/error/…` with `{"type","value"}`, `…/reverted/…` with null, or `…/value/…` with
 * `[value, {"units","type","tz"}, headers]`, the shape of a point's own topic. The value is the one read back, else the
 * one requested. The headers hold the rest: `time`, `requesterID`, `id`, `status`, `requested`, `readBack`, `code`,
 * `text`, `tookMs`, `final`, `repeated`; an error message carries them as further keys.
 */
export function bridgeAnswer(answer: CommandAnswer, context: AnswerContext): Message {
  const { topics, target, places } = context;
  const { status, requested, readBack, code, text, tookMs, final, repeated } = answer;
  const more = { status, requested, readBack, code, text, tookMs, final, repeated };
  const headers = answerHeaders({ id: answer.id, requester: context.requester }, context.now, more);
  const send = (topic: string, payload: string): Message => ({
    topic,
    payload,
    qos: 1,
    retain: false,
    ...(places.inProperties && { userProperties: userProperties(headers) }),
  });
  if (answer.error !== undefined) {
    const shown = places.inPayload ? headers : {};
    return send(topics.error(target), JSON.stringify({ type: answer.error, value: text ?? "", ...shown }));
  }
  const shown = places.inPayload ? headers : undefined;
  if (answer.action === "revert" || target.point === undefined)
    return send(topics.reverted(target), shown ? volttronMessage("null", "{}", shown) : "null");
  const value = answer.value ?? readBack ?? requested ?? null;
  const point = context.device?.points.get(target.point);
  const metadata = point && context.device ? pointMetadata(point, context.device.timezone) : "{}";
  return send(topics.value(target), volttronMessage(JSON.stringify(value), metadata, shown));
}

/**
 * Returns the answer of VOLTTRON's actuator: the bare value, null, or `{"type", "value"}` with its names of errors. The headers
 * are the same as those of {@link bridgeAnswer}. Undefined for an early answer: VOLTTRON gives one answer only.
 */
export function actuatorAnswer(
  answer: CommandAnswer,
  { topics, target, requester, now }: Omit<AnswerContext, "places" | "device">,
  protocolVersion: 4 | 5,
): Message | undefined {
  const { id, status, requested, readBack, code, text, tookMs, final, repeated, error } = answer;
  if (final === false) return undefined;
  const more = { status, requested, readBack, code, text, tookMs, repeated };
  const headers = answerHeaders({ id, requester }, now, more);
  const send = (topic: string, message: unknown): Message => ({
    topic,
    qos: 1,
    retain: false,
    ...busMessage(message, headers, protocolVersion),
  });
  if (error !== undefined) return send(topics.error(target), errorMessage(error, text ?? "", code));
  if (answer.action === "revert" || target.point === undefined) return send(topics.reverted(target), null);
  return send(topics.value(target), answer.value ?? readBack ?? requested ?? null);
}

/** Returns the message on `state/<path>/<point>/result`, with null for a key that has no value. */
export function stateAnswer(answer: CommandAnswer, topics: Topics, target: PointTarget): Message {
  const { id, requested, status, readBack, code, text, tookMs, final, repeated } = answer;
  const keys = JSON.stringify(
    { id, requested, status, readBack, code, text, tookMs },
    (_, value) => value ?? null,
  );
  return {
    topic: topics.result(target),
    payload: JSON.stringify({ ...JSON.parse(keys), final, repeated }),
    qos: 1,
    retain: false,
  };
}

/** Returns the answer on a requester's response topic. */
export function directAnswer(
  answer: CommandAnswer,
  responseTopic: string,
  correlationData?: Buffer,
): Message {
  return {
    topic: responseTopic,
    payload: JSON.stringify(answer),
    qos: 1,
    retain: false,
    ...(correlationData && { correlationData }),
  };
}
