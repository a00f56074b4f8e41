import type { Command, CommandResult, Commands, Control } from "../../../devices/commands.ts";
import type { PointValue } from "../../../points/index.ts";
import { type GivenParams, type Params, trimmed } from "./params.ts";

/** What a verb may use. */
export interface Call {
  readonly commands: Commands;
  readonly control: Control;
  /** Returns the health of the bridge at this moment. */
  readonly health: () => object;
  readonly command: Command;
  /** As it was sent; undefined where the sender gave none. */
  readonly requester: PointValue | undefined;
  /** Setting `mqtt.answers`. */
  readonly answers: "bridge" | "volttron";
  readonly signal: AbortSignal;
}

export interface Verb {
  /** Parameters in the order of a list, VOLTTRON's names; where its agents differ, those of the platform driver. */
  readonly params: readonly string[];
  /** Parameters of VOLTTRON's actuator in the order of a list, where it has another one. */
  readonly actuator?: readonly string[];
  /** Parameters that can only be given by name. */
  readonly named?: readonly string[];
  /** Of a verb that writes one point or device: its call resolves with a CommandResult. */
  readonly write?: "set" | "revert";
  /** Of a request to the scheduler: what is wrong with its requester or its times is an answer, as by topic. */
  readonly schedules?: true;
  call(params: Params, call: Call): unknown;
}

/** Names that only VOLTTRON's platform driver, or only its actuator, has for a parameter. */
const DRIVERS = ["path", "point_name", "point_names", "point_names_values"];
const ACTUATORS = ["topic", "point", "topics", "topics_values"];

/**
 * Returns the order in which parameters by position are meant. Names beside them decide; then a first parameter that is the
 * path of a device, which is the driver's form; then a second one that names a device, which is the actuator's.
 */
export function orderOf(
  { params, actuator }: Verb,
  { args, kwargs }: GivenParams,
  devices: Pick<ReadonlyMap<string, unknown>, "has">,
): readonly string[] {
  if (!actuator) return params;
  const names = Object.keys(kwargs);
  if (names.some((name) => DRIVERS.includes(name))) return params;
  if (names.some((name) => ACTUATORS.includes(name))) return actuator;
  const [first, second] = args;
  if (typeof first === "string" && devices.has(trimmed(first))) return params;
  // A list of topics, or a [device, point] pair: the requester is left out.
  if (Array.isArray(first)) return actuator.filter((name) => name !== "requester_id");
  return args.length > params.length || namesDevice(second, devices) ? actuator : params;
}

/** Returns whether text, or what is in a list, names a device: by its path, or as the beginning of a topic. */
function namesDevice(
  value: PointValue | undefined,
  devices: Pick<ReadonlyMap<string, unknown>, "has">,
): boolean {
  if (typeof value === "string") return trimmed(value).includes("/") || devices.has(trimmed(value));
  return Array.isArray(value) && value.some((one) => namesDevice(one, devices));
}

/** Returns the forms that a verb takes, for messages. */
export function usageOf({ params, actuator }: Verb): string {
  const forms = [params, ...(actuator ? [actuator] : [])].map((names) => `[${names.join(", ")}]`);
  return `expected ${params.length === 0 ? "no parameters" : forms.join(" or ")}`;
}

/** Maximum number of points, or of records, in one call. */
export const MOST_POINTS = 1000;

/** A write that was refused, failed, or was not confirmed. */
export class WriteFailedError extends Error {
  override readonly name: string;
  readonly result: CommandResult;

  constructor(result: CommandResult) {
    super(result.text ?? `the write was ${result.status}`);
    this.name = result.error ?? "UnconfirmedError";
    this.result = result;
  }
}

/** Returns the result of a write that succeeded; throws {@link WriteFailedError} otherwise. */
export function succeeded(result: CommandResult): CommandResult {
  if (result.status === "confirmed" || result.status === "accepted") return result;
  throw new WriteFailedError(result);
}

/** Returns the code of the service that an error has, if any. */
export function serviceCode(error: unknown): string | undefined {
  if (error instanceof WriteFailedError) return error.result.code;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}
