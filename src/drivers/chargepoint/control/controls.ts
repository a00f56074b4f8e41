import type { PointValue } from "../../../points/index.ts";
import type { RegistryRow } from "../../../registry/row.ts";
import type { WriteOutcome } from "../../driver.ts";
import { InvalidValueError, type Verification, WriteRefusedError } from "../../errors.ts";
import type { Account } from "../account/account.ts";
import { clearAlarms } from "../api/operations/clear-alarms.ts";
import { loadRegister } from "../registers/load-register.ts";
import { ofPort } from "../registers/newest.ts";
import type { Control } from "../registers/register.ts";
import { type Limit, nameOf, type OwnSheds, type ShedMode } from "./own-sheds.ts";
import { releasedBy, type ShedAnswer, type ShedControl } from "./shed.ts";

export interface ControlContext {
  /** Topic path of the device, for messages. */
  readonly path: string;
  readonly stationID: string;
  readonly account: Account;
  readonly shed: ShedControl;
  readonly own: OwnSheds;
  readonly leaseMinutes: number;
}

export interface ControlRequest {
  readonly row: RegistryRow;
  readonly value: PointValue;
  readonly durationMinutes: number | undefined;
  readonly signal: AbortSignal;
}

/** kW are read back with three places. */
const SAME_KW = 0.001;

/** Writes a value to a writable attribute of a register. One entry per kind of control. */
export const controls: Readonly<
  Record<Control, (context: ControlContext, request: ControlRequest) => Promise<WriteOutcome>>
> = {
  allowedLoad: (context, request) =>
    setLimit(context, request, "allowedLoad", "a number of kW, 0 or more", (kw) => kw >= 0),
  percentShed: (context, request) =>
    setLimit(context, request, "percentShed", "a whole number of percent from 0 to 100", (percent) => {
      return Number.isInteger(percent) && percent >= 0 && percent <= 100;
    }),
  shedState: setShedState,
  clearAlarms: setClearAlarms,
};

/** Ends the shed of the point's station or port: the device's own default for every load point. */
export async function revertShed(
  context: ControlContext,
  row: RegistryRow,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const releases = releasedBy(row.port, context.own);
  const answer = await context.shed.clear(row.port, signal);
  return { ...spoken(answer), releases, verify: verifier(context, row, ({ shedState }) => shedState === 0) };
}

/** A revert of `clearAlarms` has nothing to undo: the point always reads 0. */
export function nothingToRevert(text: string): WriteOutcome {
  return { text, verify: () => Promise.resolve({ confirmed: true, readBack: 0 }) };
}

async function setLimit(
  context: ControlContext,
  request: ControlRequest,
  mode: ShedMode,
  expected: string,
  fits: (value: number) => boolean,
): Promise<WriteOutcome> {
  const { row, value } = request;
  const number = Number(value);
  if (value === null || !Number.isFinite(number) || !fits(number)) {
    throw new InvalidValueError(context.path, row.point.name, value, expected);
  }
  return applyLimit(context, request, { mode, value: number }, ({ shedState, readBack }) => {
    return shedState === 1 && Math.abs(Number(readBack) - number) <= SAME_KW;
  });
}

async function setShedState(context: ControlContext, request: ControlRequest): Promise<WriteOutcome> {
  const { row, value, signal } = request;
  const state = Number(value);
  if (value === null || (state !== 0 && state !== 1)) {
    throw new InvalidValueError(
      context.path,
      row.point.name,
      value,
      "0 (clears) or 1 (applies the last limit again)",
    );
  }
  if (state === 0) return revertShed(context, row, signal);
  const last = context.own.last(row.port);
  if (!last) {
    throw new WriteRefusedError(
      `this bridge has requested no limit for ${row.port ? `port ${row.port} of ` : ""}station ${context.stationID} yet: write allowedLoad or percentShed instead`,
    );
  }
  return applyLimit(context, request, last, ({ shedState }) => shedState === 1);
}

async function applyLimit(
  context: ControlContext,
  request: ControlRequest,
  limit: Limit,
  isDone: (read: ShedRead) => boolean,
): Promise<WriteOutcome> {
  const { row, signal } = request;
  const releases = releasedBy(row.port, context.own);
  const minutes = request.durationMinutes ?? context.leaseMinutes;
  const answer = await context.shed.limit({ target: row.port, limit, minutes, signal });
  return {
    ...spoken(answer),
    releases: releases.filter((key) => key !== nameOf(row.port)),
    hold: { key: nameOf(row.port), ...(minutes > 0 ? { leaseSeconds: minutes * 60 } : {}) },
    verify: verifier(context, row, isDone),
  };
}

/** What the row's point and the shed state of its station or port read, past every cache. */
interface ShedRead {
  readonly shedState: unknown;
  readonly readBack: PointValue;
}

function verifier(context: ControlContext, row: RegistryRow, isDone: (read: ShedRead) => boolean) {
  const { attributes } = loadRegister;
  return async (signal: AbortSignal): Promise<Verification> => {
    const load = await context.shed.load(signal);
    const shedState = attributes.shedState!.read(load, row.port);
    const readBack = attributes[row.attribute]!.read(load, row.port) as PointValue;
    return { confirmed: isDone({ shedState, readBack }), readBack };
  };
}

async function setClearAlarms(context: ControlContext, request: ControlRequest): Promise<WriteOutcome> {
  const { row, value, signal } = request;
  if (Number(value) === 0 && value !== null) return nothingToRevert("0 clears nothing; 1 clears the alarms");
  if (Number(value) !== 1)
    throw new InvalidValueError(context.path, row.point.name, value, "1 (clears the alarms) or 0");
  const { stationID } = context;
  const port = row.port === undefined ? {} : { portNumber: row.port };
  const answer = await context.account.write(
    clearAlarms,
    { searchQuery: { stationID, ...port } },
    stationID,
    signal,
  );
  return {
    ...spoken({ code: answer.responseCode, text: answer.responseText, warnings: [] }),
    // Nothing stands in the station after it.
    releases: ["alarms"],
    verify: async (verifySignal) => {
      context.account.forget(stationID);
      const alarms = await context.account.read("alarms", stationID, {
        maxAgeSeconds: 0,
        signal: verifySignal,
      });
      return { confirmed: ofPort(alarms, row.port).length === 0, readBack: 0 };
    },
  };
}

function spoken(answer: ShedAnswer): Pick<WriteOutcome, "code" | "text" | "warnings"> {
  return {
    ...(answer.code === null ? {} : { code: answer.code }),
    ...(answer.text === null ? {} : { text: answer.text }),
    warnings: answer.warnings,
  };
}
