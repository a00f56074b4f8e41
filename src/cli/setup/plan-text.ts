import { basename } from "node:path";
import { describePlan, type ShownPlan } from "../../devices/index.ts";
import { counted, formatTable } from "../terminal/table.ts";

/** Maximum number of groups of an account named in the text. */
const MOST_GROUPS = 8;

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

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function few(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")}, …` : names.join(", ");
}
