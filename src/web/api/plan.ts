import { basename } from "node:path";
import { Type } from "typebox";
import { describePlan, planAccounts } from "../../devices/index.ts";
import type { AccountCalls } from "../live/account-calls.ts";
import type { WebParts } from "../parts.ts";
import { list, nullable, record } from "../schemas.ts";
import { type Route, route } from "../server/route.ts";

const count = Type.Number;

/** What the configs mean in calls of each account, and the calls that are made. */
export function planRoutes({ devices }: WebParts, calls: AccountCalls): Route[] {
  let planned: { readonly of: readonly unknown[]; readonly plans: ReturnType<typeof plansOf> } | undefined;
  const plans = () => {
    const of = devices.changes.ofDevices;
    if (!planned || planned.of.length !== of.length || of.some((one, at) => one !== planned!.of[at]))
      planned = { of, plans: plansOf(of) };
    return planned.plans;
  };
  return [
    route({
      method: "GET",
      path: "/plan",
      role: "view",
      tag: "bridge",
      summary:
        "Calls that each account's devices make, against its limit, and the registry rows that cause them; and the calls made since the start.",
      response: record({
        accounts: list(
          record({
            account: Type.String(),
            stations: Type.Integer(),
            calls: list(
              record({
                operation: Type.String(),
                everySeconds: count(),
                calls: count({ description: "Calls in each period." }),
                callsPerMinute: count(),
                onePerStationPerMinute: count({ description: "Calls if each station made its own." }),
                cause: nullable(Type.String({ description: "Why it is made where no row needs it." })),
                assumes: nullable(Type.String()),
                rows: list(
                  record({
                    file: Type.String(),
                    lines: list(Type.Integer()),
                    attributes: list(Type.String()),
                  }),
                ),
              }),
            ),
            callsPerMinute: count(),
            limitPerMinute: nullable(count({ description: "Null: not known." })),
            onePerStationPerMinute: count(),
          }),
        ),
        now: list(
          record({
            driver: Type.String(),
            account: Type.String(),
            paused: Type.Boolean({ description: "Whether calls are paused after failures." }),
            perMinute: count({ description: "Calls a minute in the last ten minutes." }),
            recentErrors: count({ description: "Calls that failed in that time." }),
            calls: count({ description: "Calls since the start of the bridge." }),
            errors: count({ description: "Those that failed." }),
          }),
          { description: "The accounts as they are called now." },
        ),
        made: Type.Record(
          Type.String(),
          Type.Unsafe<Readonly<Record<string, number>>>({
            type: "object",
            description: "Counters of a driver type since the start of the bridge.",
          }),
        ),
      }),
      handle: () => ({
        accounts: plans(),
        now: devices.accountStates().map(({ driverType: driver, label: account, isPaused: paused }) => ({
          ...{ driver, account, paused },
          ...calls.of(driver, account),
        })),
        made: devices.counters().drivers,
      }),
    }),
  ];
}

function plansOf(loaded: Parameters<typeof planAccounts>[0]) {
  return planAccounts(loaded, 0).map((plan) => {
    const { account, stations, calls, callsPerMinute, limitPerMinute, onePerStationPerMinute } =
      describePlan(plan);
    return {
      ...{ account, stations, callsPerMinute, onePerStationPerMinute },
      limitPerMinute: limitPerMinute ?? null,
      calls: calls.map(({ cause = null, assumes = null, rows, operation, everySeconds, ...call }) => ({
        ...{ operation, everySeconds, cause, assumes },
        calls: call.calls,
        callsPerMinute: call.callsPerMinute,
        onePerStationPerMinute: call.onePerStationPerMinute,
        rows: rows.map(({ file, ...row }) => ({ ...row, file: basename(file) })),
      })),
    };
  });
}
