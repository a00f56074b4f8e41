import type { PointValue } from "../../../points/index.ts";
import type { RegistryRow } from "../../../registry/row.ts";
import type { WriteOutcome } from "../../driver.ts";
import { InvalidValueError, type Verification, WriteRefusedError } from "../../errors.ts";
import type { Account } from "../account/account.ts";
import { clearAlarms } from "../api/operations/clear-alarms.ts";
import { ofPort } from "../registers/newest.ts";
import type { Control } from "../registers/register.ts";
import { type Limit, nameOf, type OwnSheds, type ShedMode, type Target } from "./own-sheds.ts";
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
  target: Target,
  row: RegistryRow,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const releases = releasedBy(target, context.own);
  const answer = await context.shed.clear(target, signal);
  return {
    ...spoken(answer),
    releases,
    verify: async (verifySignal) => {
      const ports = await context.shed.read(target, verifySignal);
      const readBack = largest(
        ports.map((port) =>
          row.attribute === "shedState" ? port.shedState : port[row.attribute as ShedMode],
        ),
      );
      return { confirmed: ports.length > 0 && ports.every((port) => port.shedState === 0), readBack };
    },
  };
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
  return applyLimit(context, request, { mode, value: number }, (ports) => {
    const readBack = largest(ports.map((port) => (port.shedState === 1 ? port[mode] : null)));
    const same = readBack !== null && Math.abs(readBack - number) <= SAME_KW;
    return { confirmed: same && ports.some((port) => port.shedState === 1), readBack };
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
  if (state === 0) return revertShed(context, row.port, row, signal);
  const last = context.own.last(row.port);
  if (!last) {
    throw new WriteRefusedError(
      `this bridge has requested no limit for ${row.port ? `port ${row.port} of ` : ""}station ${context.stationID} yet: write allowedLoad or percentShed instead`,
    );
  }
  return applyLimit(context, request, last, (ports) => {
    const readBack = largest(ports.map((port) => port.shedState));
    return { confirmed: readBack === 1, readBack };
  });
}

async function applyLimit(
  context: ControlContext,
  request: ControlRequest,
  limit: Limit,
  judge: (ports: Awaited<ReturnType<ShedControl["read"]>>) => Verification,
): Promise<WriteOutcome> {
  const target = request.row.port;
  const releases = releasedBy(target, context.own);
  const minutes = request.durationMinutes ?? context.leaseMinutes;
  const answer = await context.shed.limit(target, limit, minutes, request.signal);
  return {
    ...spoken(answer),
    releases: releases.filter((key) => key !== nameOf(target)),
    hold: { key: nameOf(target), ...(minutes > 0 ? { leaseSeconds: minutes * 60 } : {}) },
    verify: async (signal) => judge(await context.shed.read(target, signal)),
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

function largest(values: readonly (number | null)[]): number | null {
  const numbers = values.filter((value) => value !== null);
  return numbers.length === 0 ? null : Math.max(...numbers);
}
