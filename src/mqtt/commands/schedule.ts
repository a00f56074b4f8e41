import type { Bus, Preemption, Reservation } from "../../bus.ts";
import type { ScheduleAnswer, ScheduleCommand, Scheduling } from "../../devices/commands.ts";
import type { PointValue } from "../../points/index.ts";
import { type Incoming, type Message, reasonOf } from "../broker/link.ts";
import {
  busMessage,
  type Headers,
  headerPlaces,
  timeText,
  userProperties,
  volttronMessage,
} from "../payloads.ts";
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
import {
  RefusedError,
  type RequestContext,
  RetainedRefusals,
  retainedError,
  termsOf,
} from "./incoming-request.ts";

interface Result {
  readonly result: "SUCCESS" | "FAILURE" | "PREEMPTED";
  readonly info: string;
  readonly data: unknown;
}

/**
 * VOLTTRON's scheduler over MQTT: receives requests; publishes results, preemptions and announcements. The result is
 * published to the response topic too where the request has one.
 */
export class ScheduleReceiver {
  readonly #context: RequestContext;
  readonly #scheduling: Scheduling;
  readonly #retained: RetainedRefusals;
  readonly #ends: (() => void)[] = [];

  constructor(context: RequestContext, scheduling: Scheduling) {
    this.#context = context;
    this.#scheduling = scheduling;
    this.#retained = new RetainedRefusals(context.link);
  }

  start(): void {
    const { link, topics, bus, requesters } = this.#context;
    this.#retained.start();
    this.#ends.push(
      link.subscribe({
        filters: requesters.filters([topics.schedule("request")]),
        onMessage: (message) => this.#receive(message),
      }),
      bus.on("preemption", (preemption) => this.#publishPreemption(preemption)),
      bus.on("reservation", (reservation) => this.#publishReservation(reservation)),
    );
  }

  stop(): void {
    this.#retained.stop();
    for (const end of this.#ends.splice(0)) end();
  }

  #receive(message: Incoming): void {
    if (message.retained && (message.payload.length === 0 || this.#retained.wasRefused(message))) return;
    const { terms } = this.#context.requesters.read(message.topic);
    let asked: Partial<SchedulePayload> & Pick<ScheduleCommand, "refusal"> = terms;
    try {
      asked = { ...parseSchedulePayload(message.payload, message.userProperties), ...terms };
      if (message.retained) throw retainedError(message.topic);
      if (this.#isForOthers(asked.slots) || this.#isOfOtherShard(asked)) return;
      const ask = () => this.#ask(asked as SchedulePayload, message);
      const { answers, bus } = this.#context;
      this.#answer(message, asked, answers === "volttron" ? withPreempted(bus, ask) : ask());
    } catch (error) {
      const { name } = error as Error;
      const info = `MALFORMED_REQUEST: ${name}: ${reasonOf(error)}`;
      this.#answer(message, asked, { result: "FAILURE", info, data: {} });
    }
  }

  #ask(asked: SchedulePayload & Pick<ScheduleCommand, "refusal">, message: Incoming): ScheduleAnswer {
    const { arrivedAt } = this.#context;
    const scheduling = this.#scheduling;
    const { requester, taskId, priority, slots, type, refusal, ...terms } = asked;
    const sentAt = { sentAt: arrivedAt(), ...termsOf(terms, message, arrivedAt()) };
    const command: ScheduleCommand = { ...sentAt, requester, ...(refusal && { refusal }) };
    if (type === "NEW_SCHEDULE") return scheduling.requestNewSchedule({ taskId, priority, slots }, command);
    if (type === "CANCEL_SCHEDULE") return scheduling.requestCancelSchedule(taskId, command);
    return { result: "FAILURE", info: "INVALID_REQUEST_TYPE", data: {} };
  }

  /** Returns whether other bridges answer: they have devices of the request, and this bridge has none. */
  #isForOthers(slots: PointValue | undefined): boolean {
    const { devices, others } = this.#context;
    const named = devicesIn(slots);
    return !named.some((path) => devices.has(path)) && named.some((path) => others.have({ path }));
  }

  /**
   * Returns whether another session of the estate answers: the one whose shard has the first device of a new task, or has the task. A task
   * must be of one shard, because each shard decides alone.
   */
  #isOfOtherShard({ slots, taskId }: Partial<SchedulePayload>): boolean {
    const { scope, devices } = this.#context;
    if (!scope) return false;
    const known = devicesIn(slots).filter((path) => devices.has(path) || scope.isElsewhere(path));
    if (known.length === 0) {
      const hasTask = this.#scheduling.tasks().some((task) => task.taskId === taskId);
      return !hasTask && !scope.isLead;
    }
    if (!devices.has(known[0]!)) return true;
    const strange = known.find((path) => !devices.has(path));
    if (strange !== undefined)
      throw new RefusedError(
        "SplitTaskError",
        `${known[0]} and ${strange} belong to different shards of the estate: reserve each with a task of its own`,
      );
    return false;
  }

  #answer(message: Incoming, asked: Partial<SchedulePayload>, result: Result): void {
    const { topics, sender } = this.#context;
    const { responseTopic, correlationData } = message;
    const { requester, taskId, type, id } = asked;
    const answer = this.#result(result, { requesterID: requester, taskID: taskId, type, id });
    void sender.send(answer);
    if (responseTopic === undefined || topics.isReserved(responseTopic)) return;
    void sender.send({ ...answer, topic: responseTopic, ...(correlationData && { correlationData }) });
  }

  #publishPreemption({ requester, taskId, by }: Preemption): void {
    const data = { agentID: by.requester, taskID: by.taskId };
    const headers = { requesterID: requester, taskID: taskId, type: "CANCEL_SCHEDULE" };
    void this.#context.sender.send(this.#result({ result: "PREEMPTED", info: "", data }, headers));
  }

  #publishReservation({ device, requester, taskId, windowSeconds, at }: Reservation): void {
    const headers = { requesterID: requester, taskID: taskId, window: windowSeconds, time: timeText(at) };
    const { sender, topics } = this.#context;
    const payload = this.#places().inPayload ? volttronMessage("null", "{}", headers) : "null";
    void sender.send(this.#message(topics.announcement(device), { payload, headers, message: null }));
  }

  /** Returns `{"result", "info", "data"}`, with the headers as further keys where they belong into the payload. */
  #result(result: Result, said: Readonly<Record<string, PointValue | undefined>>): Message {
    const { topics, now } = this.#context;
    const headers: Record<string, PointValue> = { time: timeText(now()) };
    for (const [name, value] of Object.entries(said)) if (value !== undefined) headers[name] = value;
    const shown = this.#places().inPayload ? headers : {};
    const payload = JSON.stringify({ ...result, ...shown });
    return this.#message(topics.schedule("result"), { payload, headers, message: result });
  }

  /** Returns a message in the form of `mqtt.answers`: with the bridge's payload, or with VOLTTRON's message. */
  #message(
    topic: string,
    {
      payload,
      headers,
      message,
    }: { readonly payload: string; readonly headers: Headers; readonly message: unknown },
  ): Message {
    const { answers, link } = this.#context;
    const { inProperties } = this.#places();
    return {
      topic,
      qos: 1,
      retain: false,
      ...(answers === "volttron"
        ? busMessage(message, headers, link.protocolVersion)
        : { payload, ...(inProperties && { userProperties: userProperties(headers) }) }),
    };
  }

  #places() {
    return headerPlaces(this.#context.headers, this.#context.link.protocolVersion);
  }
}

/** Returns the answer to a request, with the tasks that it preempted in VOLTTRON's form. */
export function withPreempted(bus: Bus, ask: () => ScheduleAnswer): Result {
  const preempted: string[][] = [];
  const end = bus.on("preemption", ({ requester, taskId }) => preempted.push([requester, taskId]));
  try {
    const answer = ask();
    return preempted.length === 0 ? answer : { ...answer, info: "TASK_WERE_PREEMPTED", data: preempted };
  } finally {
    end();
  }
}

/** Returns the devices named in slots, in each form that slots have. */
function devicesIn(slots: PointValue | undefined): string[] {
  if (!Array.isArray(slots)) return [];
  const [first] = slots;
  return typeof first === "string" ? [first.replace(/^\/+|\/+$/g, "")] : slots.flatMap(devicesIn);
}

/** Content of a message to the scheduler, which checks it. */
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
 * Parses a message to the scheduler. Its headers (`type`, `requesterID`, `taskID`, `priority`, `time`, `expires_at`, `id`,
 * in any case) are MQTT 5 user properties, those of VOLTTRON's envelope, or keys beside `requests`; the message takes
 * precedence over user properties. Throws BadPayloadError.
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
    throw new BadPayloadError(`this object is not a request; expected ${EXPECTED}`);
  return { headers, slots: requests };
}
