import type { PointValue } from "../../points/index.ts";
import {
  BadPayloadError,
  type CommandPayload,
  decodeJson,
  foldedHeaders,
  isEnvelope,
  isObject,
  LONGEST_REQUEST,
  readHeaders,
} from "./command-payload.ts";

/** What a message to the scheduler says. What it asks for is judged by the scheduler. */
export interface SchedulePayload extends Omit<CommandPayload, "value" | "durationMinutes" | "requester"> {
  /** `NEW_SCHEDULE` or `CANCEL_SCHEDULE`, as sent. */
  readonly type: PointValue | undefined;
  readonly taskId: PointValue | undefined;
  readonly requester: PointValue | undefined;
  readonly priority: PointValue | undefined;
  readonly slots: PointValue | undefined;
}

const EXPECTED =
  '[["<device>", "<start>", "<end>"], …] with type, requesterID, taskID and priority as user properties, or ' +
  '{"headers": {"type": …}, "message": [[…]]}, or {"type": …, "requests": [[…]]}';

/**
 * Reads a message to the scheduler. Its headers (`type`, `requesterID`, `taskID`, `priority`, `time`, `expires_at`, `id`;
 * case does not count) are MQTT 5 user properties, those of VOLTTRON's envelope, or stand beside `requests`; what the
 * message itself says comes first.
 */
export function parseSchedulePayload(
  payload: Uint8Array,
  properties: Readonly<Record<string, string>>,
): SchedulePayload {
  const body = decodeJson(payload, { expected: EXPECTED, longest: LONGEST_REQUEST });
  const { headers, slots } = split(body);
  const said = {
    ...Object.fromEntries(foldedHeaders(properties)),
    ...Object.fromEntries(foldedHeaders(headers)),
  };
  const { requester, requesterid, type, taskid, priority, ...rest } = said;
  return { ...readHeaders(rest), type, taskId: taskid, requester: requester ?? requesterid, priority, slots };
}

function split(body: PointValue | undefined): {
  headers: Readonly<Record<string, PointValue>>;
  slots: PointValue | undefined;
} {
  if (!isObject(body)) return { headers: {}, slots: body };
  if (isEnvelope(body)) return { headers: body.headers, slots: body.message };
  const { requests, ...headers } = body;
  const known = foldedHeaders(headers);
  if (requests === undefined && !known.has("type"))
    throw new BadPayloadError(`this object is no request; expected ${EXPECTED}`);
  return { headers, slots: requests };
}
