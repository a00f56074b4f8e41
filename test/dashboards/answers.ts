import { expect } from "vitest";
import type { Influxd } from "../helpers/influxdb.ts";
import type { Postgres } from "../helpers/postgres.ts";
import { queryAt, queryRange } from "../helpers/prometheus.ts";
import { TO } from "./garage.ts";
import type { PanelJson, Target, Values } from "./grafana.ts";

/** What a query gave. */
export interface Answers {
  readonly rows: number;
  /** By the name in the legend. Of tables none. */
  readonly series: ReadonlyMap<string, readonly (readonly [time: number, value: number | string])[]>;
}

export interface Server {
  ask(text: string, target: Target, values: Values): Promise<Answers>;
  /** Values that the query of a variable offers. */
  options(text: string): Promise<string[]>;
}

/** As the user `reader`, who may only read. */
export function ofPostgres(postgres: Postgres): Server {
  return {
    async ask(text, { format }) {
      const rows = await postgres.sql(`SET ROLE reader; ${text}`);
      if (format === "table") return { rows: rows.length, series: new Map() };
      const series = new Map<string, [number, number][]>();
      for (const row of rows) {
        expect(Object.keys(row)).toEqual(["time", "metric", "value"]);
        if (row.value === null) continue;
        expect(typeof row.metric).toBe("string");
        const name = String(row.metric);
        const time = row.time instanceof Date ? row.time.getTime() / 1000 : Number(row.time);
        expect(time).toBeGreaterThan(1e9);
        series.set(name, [...(series.get(name) ?? []), [time, Number(row.value)]]);
      }
      return { rows: rows.filter(({ value }) => value !== null).length, series };
    },
    async options(text) {
      const rows = await postgres.sql(`SET ROLE reader; ${text}`);
      return rows.map((row) => String(row.__value ?? Object.values(row)[0]));
    },
  };
}

interface InfluxSeries {
  readonly tags?: Record<string, string>;
  readonly columns: string[];
  readonly values: [number, number | string][];
}

export function ofInflux(influxd: Influxd): Server {
  const series = async (q: string): Promise<InfluxSeries[]> => {
    const body = new URLSearchParams({ q, db: "voltbridge", epoch: "ms" });
    const answer = (await (await fetch(`${influxd.url}/query`, { method: "POST", body })).json()) as {
      error?: string;
      results?: {
        error?: string;
        series?: InfluxSeries[];
      }[];
    };
    const error = answer.error ?? answer.results?.find((one) => one.error)?.error;
    if (error) throw new Error(`${q}: ${error}`);
    return answer.results!.flatMap(({ series = [] }) => series);
  };
  return {
    async ask(q, { alias = "", resultFormat }) {
      const found = await series(q);
      const rows = found.reduce((sum, { values }) => sum + values.length, 0);
      if (resultFormat === "table") return { rows, series: new Map() };
      return {
        rows,
        series: new Map(
          found.map(({ tags = {}, columns, values }) => {
            expect(columns).toHaveLength(2);
            const name = alias.replaceAll(/\$tag_(\w+)/g, (_, tag) => {
              expect(tags, q).toHaveProperty(tag);
              return tags[tag]!;
            });
            return [name, values.filter(([, value]) => value !== null)];
          }),
        ),
      };
    },
    async options(q) {
      return (await series(q)).flatMap(({ values }) => values.map(([, value]) => String(value)));
    },
  };
}

export function ofPromql(server: string): Server {
  return {
    async ask(text, { legendFormat = "", instant, format }, { from, to, interval }) {
      // Grafana asks at whole multiples of the step.
      const aligned = {
        from: Math.ceil(from / interval) * interval,
        to: Math.floor(to / interval) * interval,
      };
      const found = instant
        ? await queryAt(server, text, to)
        : await queryRange(server, text, { ...aligned, step: interval });
      const rows = found.reduce((sum, { points }) => sum + points.length, 0);
      if (format === "table") return { rows, series: new Map() };
      const series = new Map(
        found.map(({ metric, points }) => {
          const name = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => {
            expect(metric, text).toHaveProperty(label);
            return metric[label]!;
          });
          return [name, points] as const;
        }),
      );
      expect(series.size, `two series of ${text} have one name`).toBe(found.length);
      return { rows, series };
    },
    async options(text) {
      const [, metric, label] = /^label_values\((.*), (\w+)\)$/.exec(text)!;
      const found = await queryAt(server, `count by (${label}) (last_over_time(${metric}[1d]))`, TO / 1000);
      return found.map((one) => one.metric[label!]!);
    },
  };
}

/**
 * One number for a panel: of stats and bar gauges the sum of the latest value of each series, of bars the sum of all, of lines the highest
 * sum of all series at one time, of states the hours for which ports are in use or limited. Tables have none.
 */
export function figureOf(
  { type, fieldConfig }: PanelJson,
  answers: readonly Answers[],
  interval: number,
): number | undefined {
  const series = answers.flatMap((one) => [...one.series.values()]);
  if (series.length === 0 || type === "table") return undefined;
  const { custom, mappings = [] } = fieldConfig.defaults;
  if (type === "state-timeline") {
    const shown = series.flat().map(([, value]) => mappings[0].options[value].text);
    return (shown.filter((text) => text === "in use" || text === "limited").length * interval) / 3600;
  }
  if (type !== "timeseries") return series.reduce((sum, points) => sum + Number(points.at(-1)![1]), 0);
  const sums = new Map<number, number>();
  for (const [time, value] of series.flat()) sums.set(time, (sums.get(time) ?? 0) + Number(value));
  const all = [...sums.values()];
  return custom.drawStyle === "bars" ? all.reduce((sum, value) => sum + value, 0) : Math.max(...all);
}
