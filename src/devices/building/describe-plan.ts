import type { AccountPlan, PlannedCall } from "../../drivers/plan.ts";
import type { LookedUpPlan } from "./plan.ts";

/** A plan; what was looked up is present with a lookup only. */
export type ShownPlan = AccountPlan & Partial<LookedUpPlan>;

/** Returns a plan as a JSON object. */
export function describePlan({ account, stations, limitPerMinute, calls, ...lookedUp }: ShownPlan) {
  const perMinute = sum(calls, callsPerMinute);
  const onePerStationPerMinute = sum(calls, (call) => call.onePerStationPerMinute);
  const { sets, groups, notRun, failure } = lookedUp;
  return {
    account,
    stations,
    ...(sets && { sets }),
    ...(groups && { groups }),
    ...(notRun && { notRun }),
    ...(failure !== undefined && { failure }),
    calls: calls.map(({ rows, ...call }) => ({
      ...call,
      callsPerMinute: callsPerMinute(call),
      rows: [...Map.groupBy(rows, ({ file }) => file)].map(([file, ofFile]) => ({
        file,
        lines: ofFile.map(({ line }) => line),
        attributes: [...new Set(ofFile.map(({ attribute }) => attribute))],
      })),
    })),
    callsPerMinute: perMinute,
    limitPerMinute,
    onePerStationPerMinute,
    timesFewer: perMinute === 0 ? null : onePerStationPerMinute / perMinute,
  };
}

function callsPerMinute({ calls, everySeconds }: Pick<PlannedCall, "calls" | "everySeconds">): number {
  return (calls * 60) / everySeconds;
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}
