import type { PointValue } from "../../../points/index.ts";
import type { RegistryRow } from "../../../registry/row.ts";
import type { Verification, WriteOutcome } from "../../driver.ts";
import { InvalidValueError, WriteRefusedError } from "../../errors.ts";
import type { Account } from "../account/account.ts";
import type { LoadAnswer } from "../account/answers.ts";
import { ApiError } from "../api/errors.ts";
import { clearAlarms } from "../api/operations/clear-alarms.ts";
import { loadRegister } from "../registers/load-register.ts";
import { type Control, ofPort } from "../registers/register.ts";
import { type Shown, showsLimit } from "./compare.ts";
import type { NominalPower } from "./nominal-power.ts";
import { keyOf, type Limit, type OwnLimits, releasedBy, type ShedMode } from "./own-limits.ts";
import type { ShedControl } from "./shed.ts";

export interface ControlContext {
  /** Topic path of the device, for messages. */
  readonly path: string;
  readonly stationID: string;
  readonly account: Account;
  readonly shed: ShedControl;
  readonly own: OwnLimits;
  readonly power: NominalPower;
  readonly leaseMinutes: number;
}

export interface ControlRequest {
  readonly row: RegistryRow;
  /** Ports for which the registry has limits. */
  readonly ports: readonly string[];
  readonly value: PointValue;
  readonly durationMinutes: number | undefined;
}

/** The service's reply to a write. */
type ServiceReply = Pick<WriteOutcome, "code" | "text" | "warnings">;

/** A validated write that was not sent yet: its outcome, and how to send it. */
export interface Planned {
  readonly outcome: WriteOutcome;
  send(signal: AbortSignal): Promise<ServiceReply>;
}

/** kW are read back with three decimals. */
const SAME_KW = 0.001;
/** "The allowed load exceeds the station's maximum" (guide §3). */
const ABOVE_MAXIMUM = "177";

/** Plans the writes of each kind of control. Each throws where the write is not possible. */
export const controls: Readonly<
  Record<Control, (context: ControlContext, request: ControlRequest) => Planned>
> = {
  allowedLoad: (context, request) =>
    planLimit(context, request, "allowedLoad", "a number of kW, 0 or more", (kw) => kw >= 0),
  percentShed: (context, request) =>
    planLimit(context, request, "percentShed", "a whole number of percent from 0 to 100", (percent) => {
      return Number.isInteger(percent) && percent >= 0 && percent <= 100;
    }),
  shedState: planShedState,
  clearAlarms: planClearAlarms,
};

/**
 * Plans the end of the shed of the point's station or port: the device's own default for every load point. A revert by name
 * also ends limits of other programs, and the answer then says so. The bridge's own reverts, and the revert of a whole
 * device, end only what is in its book of limits.
 */
export function planClear(
  context: ControlContext,
  { row, ports }: Pick<ControlRequest, "row" | "ports">,
): Planned {
  const releases = releasedBy(row.port, context.own, ports);
  const { shedState } = loadRegister.attributes;
  const isClear = (load: LoadAnswer) => shedState!.read(load, row.port) === 0;
  const verify = verifier(context, row, (load) => (isClear(load) ? "everywhere" : "nowhere"));
  return {
    outcome: { releases, verify },
    send: async (signal) => replyOf(await context.shed.clear(row.port, signal)),
  };
}

/** Plans a write without effect: the point always reads 0. */
export function planNothing(text: string): Planned {
  const verify = () => Promise.resolve({ confirmed: true, readBack: 0 });
  return { outcome: { verify }, send: () => Promise.resolve({ text }) };
}

function planLimit(
  context: ControlContext,
  request: ControlRequest,
  mode: ShedMode,
  expected: string,
  fits: (value: number) => boolean,
): Planned {
  const { row, value } = request;
  const number = Number(value);
  if (value === null || !Number.isFinite(number) || !fits(number)) {
    throw new InvalidValueError(context.path, row.point.name, value, expected);
  }
  return planShed(context, request, { mode, value: number });
}

function planShedState(context: ControlContext, request: ControlRequest): Planned {
  const { row, value } = request;
  const state = Number(value);
  if (value === null || (state !== 0 && state !== 1)) {
    throw new InvalidValueError(
      context.path,
      row.point.name,
      value,
      "0 (clears) or 1 (applies the last limit again)",
    );
  }
  if (state === 0) return planClear(context, request);
  const last = context.own.last(row.port);
  if (!last) {
    throw new WriteRefusedError(
      `this bridge has requested no limit for ${row.port ? `port ${row.port} of ` : ""}station ${context.stationID} yet: write allowedLoad or percentShed instead`,
    );
  }
  return planShed(context, request, last);
}

function planShed(context: ControlContext, request: ControlRequest, limit: Limit): Planned {
  const { row, ports, value } = request;
  const { shed, power } = context;
  const target = row.port;
  const releases = releasedBy(target, context.own, ports).filter((key) => key !== keyOf(target));
  const minutes = request.durationMinutes ?? context.leaseMinutes;
  const detail = { mode: limit.mode, value: limit.value };
  const hold = { key: keyOf(target), detail, ...(minutes > 0 ? { leaseSeconds: minutes * 60 } : {}) };
  return {
    outcome: {
      releases,
      hold,
      verify: verifier(context, row, (load) => showsLimit(load, target, limit)),
    },
    async send(signal) {
      const most = limit.mode === "allowedLoad" ? power.known(target) : undefined;
      if (most !== undefined && limit.value > most + SAME_KW) {
        const place = target === undefined ? "the station" : `port ${target}`;
        const expected = `at most ${most} kW, what ${place} can deliver; to lift a limit, revert it`;
        throw new InvalidValueError(context.path, row.point.name, value, expected);
      }
      try {
        return replyOf(await shed.limit({ target, limit, minutes, signal }));
      } catch (error) {
        if (error instanceof ApiError && error.code === ABOVE_MAXIMUM) await power.learn(signal);
        throw error;
      }
    },
  };
}

/** Returns a verification that reads back, bypassing every cache. */
function verifier({ shed }: ControlContext, row: RegistryRow, done: (load: LoadAnswer) => Shown) {
  return async (signal: AbortSignal): Promise<Verification> => {
    const load = await shed.load(signal);
    const readBack = loadRegister.attributes[row.attribute]!.read(load, row.port) as PointValue;
    const where = done(load);
    const inPart = where === "at some ports";
    return { confirmed: where === "everywhere", ...(inPart && { inPart }), readBack };
  };
}

function planClearAlarms(context: ControlContext, request: ControlRequest): Planned {
  const { row, value } = request;
  if (Number(value) === 0 && value !== null) return planNothing("0 clears nothing; 1 clears the alarms");
  if (Number(value) !== 1)
    throw new InvalidValueError(context.path, row.point.name, value, "1 (clears the alarms) or 0");
  const { account, stationID } = context;
  const port = row.port === undefined ? {} : { portNumber: row.port };
  const verify = async (signal: AbortSignal) => {
    account.forget(stationID);
    const alarms = await account.read("alarms", stationID, { maxAgeSeconds: 0, signal });
    return { confirmed: ofPort(alarms, row.port).length === 0, readBack: 0 };
  };
  return {
    // Nothing is in force in the station afterwards.
    outcome: { releases: ["alarms"], verify },
    async send(signal) {
      const searchQuery = { stationID, ...port };
      const answer = await account.write(clearAlarms, { searchQuery }, stationID, signal);
      return replyOf({ code: answer.responseCode, text: answer.responseText });
    },
  };
}

function replyOf(answer: {
  readonly code: string | null;
  readonly text: string | null;
  readonly warnings?: readonly string[];
}): ServiceReply {
  const { code, text, warnings = [] } = answer;
  return { ...(code === null ? {} : { code }), ...(text === null ? {} : { text }), warnings };
}
