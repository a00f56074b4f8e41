import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What Grafana does with a dashboard, as far as it is known from its documentation: variables and macros are put into the queries. */

const FOLDER = new URL("../../deploy/grafana/", import.meta.url).pathname;

export type Language = "postgres" | "influxql" | "promql";

export interface Target {
  readonly refId: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly rawSql?: string;
  readonly query?: string;
  readonly expr?: string;
  readonly alias?: string;
  readonly legendFormat?: string;
  readonly format?: string;
  readonly resultFormat?: string;
  readonly instant?: boolean;
}

export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly interval?: string;
  readonly timeFrom?: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly Target[];
  // biome-ignore lint/suspicious/noExplicitAny: Grafana's; the tests name what they read.
  readonly fieldConfig: any;
}

export interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly regex?: string;
  readonly multi?: boolean;
  readonly allValue?: string;
  readonly datasource?: { readonly uid: string };
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly editable: boolean;
  readonly schemaVersion: number;
  readonly refresh: string;
  readonly timezone: string;
  readonly tags: readonly string[];
  readonly time: { readonly from: string; readonly to: string };
  readonly templating: { readonly list: readonly VariableJson[] };
  readonly panels: readonly PanelJson[];
}

/** The dashboards as they are in the files. */
export const dashboards = globSync("*/*.json", { cwd: FOLDER })
  .sort()
  .map((file) => {
    const [language, name] = file.replace(/\.json$/, "").split("/") as [Language, string];
    return {
      file,
      language,
      name,
      json: JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as DashboardJson,
    };
  });

export function textOf({ rawSql, query, expr }: Target): string {
  return (rawSql ?? query ?? expr)!;
}

const UNITS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 };

/** `30d` in seconds. */
export function secondsOf(duration: string): number {
  const [, number, unit] = /^(\d+)([mhdwy])$/.exec(duration)!;
  return Number(number) * UNITS[unit!]!;
}

export interface Values {
  /** In seconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** Time between points, in seconds. */
  readonly interval: number;
  /** Chosen values; `all` where "All" is chosen. */
  readonly variables: Readonly<Record<string, { readonly values: readonly string[]; readonly all?: string }>>;
}

/** Values of a variable in the query: https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/ */
function shown({ values, all }: Values["variables"][string], format: string | undefined, language: Language) {
  // The text of "All" is put in as it is.
  if (all !== undefined) return all;
  const escaped = values.map((value) => value.replace(/[\\^$*+?.()|[\]{}/]/g, "\\$&"));
  const together = (list: readonly string[]) => (list.length === 1 ? list[0]! : `(${list.join("|")})`);
  if (format === "sqlstring") return values.map((value) => `'${value.replaceAll("'", "''")}'`).join(",");
  if (format === "regex") return together(escaped);
  if (format !== undefined) throw new Error(`unknown format ${format}`);
  // Prometheus: regular expressions within a string, whose backslashes are doubled. Values of one choice stay as they are.
  return language === "promql" && values.length > 1
    ? together(escaped.map((value) => value.replaceAll("\\/", "/").replaceAll("\\", "\\\\")))
    : values.join(",");
}

/** Returns the query that Grafana sends. @throws where it names a variable or macro that there is not */
export function filled(text: string, language: Language, values: Values): string {
  const { from, to, interval, variables } = values;
  const iso = (seconds: number) => `'${new Date(seconds * 1000).toISOString()}'`;
  const own = text.replaceAll(/\$\{(\w+)(?::(\w+))?\}|\$(\w+)/g, (whole, braced, format, plain) => {
    const name = braced ?? plain;
    if (name === "__interval") return `${interval}s`;
    // Four times the interval of scrapes, which is five minutes here; at least one more than the step.
    if (name === "__rate_interval") return `${Math.max(interval + 300, 4 * 300)}s`;
    if (name === "__range") return `${to - from}s`;
    if (language === "influxql" && name === "timeFilter")
      return `time >= ${from * 1000}ms and time <= ${to * 1000}ms`;
    if (language === "influxql" && name.startsWith("tag_")) return whole;
    if (language === "postgres" && name.startsWith("__")) return whole;
    const variable = variables[name];
    if (!variable) throw new Error(`unknown variable ${whole} in ${text}`);
    return shown(variable, format, language);
  });
  if (language !== "postgres") return own;
  // https://grafana.com/docs/grafana/latest/datasources/postgres/#macros
  return own.replaceAll(/\$__(\w+)\(([^()]*)\)/g, (whole, macro, list) => {
    const [column, period] = list.split(",").map((one: string) => one.trim().replaceAll("'", ""));
    switch (macro) {
      case "timeFilter":
        return `${column} BETWEEN ${iso(from)} AND ${iso(to)}`;
      case "timeFrom":
        return iso(from);
      case "timeTo":
        return iso(to);
      case "timeGroup":
      case "timeGroupAlias": {
        const seconds = /^\d+s$/.test(period) ? Number.parseInt(period, 10) : secondsOf(period);
        const group = `floor(extract(epoch from ${column})/${seconds})*${seconds}`;
        return macro === "timeGroup" ? group : `${group} AS "time"`;
      }
      default:
        throw new Error(`unknown macro ${whole}`);
    }
  });
}
