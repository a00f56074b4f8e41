import { basename } from "node:path";
import type { LookedUpPlan, planAccounts } from "../../devices/index.ts";
import { counted, formatTable } from "../terminal/table.ts";

/** A plan; what was looked up is present with --lookup only. */
export type ShownPlan = ReturnType<typeof planAccounts>[number] & Partial<LookedUpPlan>;
type PlannedCall = ShownPlan["calls"][number];

/** Maximum number of groups of an account named in the text. */
const MOST_GROUPS = 8;

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

/** Formats a plan as text for people; its last line is empty. */
export function formatPlan(plan: ShownPlan): string {
  const { account, stations, calls, ...totals } = describePlan(plan);
  const rows = calls.map((call) => [
    call.operation,
    String(call.calls),
    `${call.everySeconds} s`,
    figure(call.callsPerMinute),
    figure(call.onePerStationPerMinute),
    call.cause ??
      call.rows
        .map(({ file, lines, attributes }) => `${basename(file)}: ${lines.length} (${few(attributes)})`)
        .join("; "),
  ]);
  const header = ["operation", "calls", "every", "a minute", "one by one", "registry rows"];
  const assumed = [
    ...new Set(calls.flatMap(({ operation, assumes }) => (assumes ? [`${operation}: ${assumes}`] : []))),
  ];
  const { limitPerMinute: limit, timesFewer } = totals;
  const over = limit !== undefined && totals.callsPerMinute > limit;
  return [
    `account ${account}: ${counted(stations, "station")}`,
    ...(plan.sets ?? []).map(({ file, members }) => `the set of ${file}: ${counted(members, "station")}`),
    formatTable(header, rows).trimEnd(),
    ...(plan.groups ? [groupsLine(plan.groups, plan)] : []),
    `${figure(totals.callsPerMinute)} calls a minute${limit === undefined ? "" : ` (limit ${limit})`}, ${figure(timesFewer ?? 1)} times fewer than ${figure(totals.onePerStationPerMinute)} one by one`,
    ...(over
      ? [
          "MORE THAN calls_per_minute: put the stations into station groups (--group-size shows what that saves), raise interval or calls_per_minute",
        ]
      : []),
    ...(assumed.length > 0 ? [`assumed: ${assumed.join("; ")}`] : []),
    "",
  ].join("\n");
}

function groupsLine(groups: NonNullable<ShownPlan["groups"]>, { calls }: ShownPlan): string {
  if (!calls.some(({ operation }) => operation === "getLoad")) return "no loads are read: no group is needed";
  const named = groups
    .slice(0, MOST_GROUPS)
    .map(({ id, size, stations }) => `${id} (${stations.length} of its ${counted(size, "station")})`);
  if (groups.length > MOST_GROUPS) named.push(`${groups.length - MOST_GROUPS} more`);
  return groups.length === 0
    ? "no station group saves calls: loads are read station by station"
    : `loads by station groups ${named.join(", ")}; the rest station by station`;
}

function callsPerMinute({ calls, everySeconds }: Pick<PlannedCall, "calls" | "everySeconds">): number {
  return (calls * 60) / everySeconds;
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function few(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")}, …` : names.join(", ");
}
