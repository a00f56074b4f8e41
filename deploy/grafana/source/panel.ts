/** What a panel is, whatever the data source. Its queries stand side by side, so that the sets of dashboards cannot drift apart. */

/** Query languages, each with a set of dashboards. PromQL is for Prometheus and VictoriaMetrics. */
export const LANGUAGES = ["postgres", "influxql", "promql"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Grafana's units that are used. `currency`: amounts of the currency that the legend names. */
export type Unit =
  | "bytes"
  | "currency"
  | "dateTimeAsIso"
  | "dtdurations"
  | "kwatt"
  | "kwatth"
  | "none"
  | "ops"
  | "percentunit"
  | "reqps"
  | "s"
  | "short";

export type Kind = "timeseries" | "stat" | "bargauge" | "table" | "state-timeline";

export interface Query {
  readonly text: string;
  /** Name of the series, for PromQL and InfluxQL with the labels in it; SQL has it in the column `metric`. */
  readonly legend?: string;
  /** Rows as they are, instead of series over time. */
  readonly table?: boolean;
  /** PromQL: one value for the whole range, at its end. */
  readonly instant?: boolean;
}

export interface Threshold {
  readonly from: number | null;
  readonly color: "green" | "yellow" | "red";
}

export interface ValueText {
  readonly text: string;
  readonly color: "green" | "blue" | "red" | "orange" | "gray" | "transparent";
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly kind: Kind;
  readonly unit: Unit;
  readonly queries: Readonly<Partial<Record<Language, Query | readonly Query[]>>>;
  readonly decimals?: number;
  readonly max?: number;
  /** Series on top of each other. */
  readonly stacked?: boolean;
  /** Bars, one for each period of the query. */
  readonly bars?: boolean;
  /** Lines whose legend ends with "limit" are dashed, and hold until the next value. */
  readonly limits?: boolean;
  readonly thresholds?: readonly Threshold[];
  /** Texts and colors of values. */
  readonly values?: Readonly<Record<string, ValueText>>;
  /** Units of columns of a table that have another one than the panel. */
  readonly columns?: Readonly<Record<string, Unit>>;
  /** Shortest interval of points, where the data have a longer one than the width of the panel asks for. */
  readonly interval?: string;
  /** Range of its own, longer than that of the dashboard: `30d`. */
  readonly range?: string;
  /** Series lead to the dashboard of the station that they are named after. */
  readonly toStation?: boolean;
}

/** Panels side by side, of one height in grid units (8 are about 300 pixels). */
export interface Row {
  readonly height: number;
  readonly panels: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly kind: "query" | "textbox" | "constant";
  /** The query, or the value. */
  readonly text: string;
  readonly multi?: boolean;
  /** Picks a part of each value. */
  readonly regex?: string;
  /** What "All" stands for; without it, all values. */
  readonly all?: string;
  /** Shown in the list and beside the panels' queries. */
  readonly description?: string;
}

export interface Dashboard {
  /** Unique among the dashboards; part of their addresses and file names. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly variables: Readonly<Record<Language, readonly Variable[]>>;
  readonly rows: readonly Row[];
  /** Default range, back from now. */
  readonly from: string;
}

/** Returns the queries of a panel in a language; none where it cannot be answered. */
export function queriesOf({ queries }: Panel, language: Language): readonly Query[] {
  const found = queries[language];
  return found === undefined ? [] : "text" in found ? [found] : found;
}
