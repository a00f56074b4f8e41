import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Influxd, influxInstalled } from "../helpers/influxdb.ts";
import { expectMade, read, withRows } from "../helpers/made-files.ts";
import { POSTGRES_USER, Postgres } from "../helpers/postgres.ts";
import { hasPostgres } from "../helpers/postgres-programs.ts";
import { Prometheus, prometheusInstalled } from "../helpers/prometheus.ts";
import { VictoriaMetrics, victoriaMetricsInstalled } from "../helpers/victoria-metrics.ts";
import { type Answers, figureOf, ofInflux, ofPostgres, ofPromql, type Server } from "./answers.ts";
import { type Books, type Day, FROM, LIMIT_KW, liveThroughDay, TO } from "./garage.ts";
import {
  dashboards,
  filled,
  type Language,
  type PanelJson,
  secondsOf,
  textOf,
  type Values,
} from "./grafana.ts";

/**
 * Shares of values that a figure may differ by: InfluxQL draws straight lines between values, and PromQL counts points, one more than
 * there are intervals.
 */
const TOLERANCE: Readonly<Record<Language, number>> = { postgres: 0.001, influxql: 0.005, promql: 0.01 };

const ALL = { values: [], all: ".*" };
const VARIABLES: Readonly<Record<Language, Values["variables"]>> = {
  postgres: {
    history_schema: { values: ["voltbridge"] },
    sessions_schema: { values: ["charging"] },
    site: { values: ["site/"] },
    port: { values: ["1", "2"] },
    station: { values: ["site/s1"] },
  },
  influxql: {
    site: ALL,
    port: ALL,
    station: { values: ["site/s1"] },
  },
  promql: {
    site: ALL,
    port: ALL,
    group: ALL,
    station: { values: ["site/s1"] },
  },
};

/** What the simulator's books say of each panel's figure: see {@link figureOf}. Absent: the query must only give rows. */
function expected(books: Books, language: Language): Readonly<Record<string, number>> {
  const perPort = 24;
  return {
    "fleet/Load": books.lastKw,
    "fleet/Energy in the range": books.kwh,
    "fleet/Peak load in the range": books.peakKw,
    "fleet/Stations that report": books.stations,
    "fleet/Stations away": 0,
    "fleet/Ports in use": 1,
    "fleet/Load by station": books.peakKw,
    "fleet/Energy per hour": books.kwh,
    "fleet/Ports by state": books.ports,
    "fleet/Utilisation": books.inUseHours / 2 / perPort,
    "fleet/Uptime": books.stations,
    "station/Energy in the range": books.firstKwh,
    "station/Peak load in the range": books.firstPeakKw,
    "station/Utilisation": books.firstInUseHours / perPort,
    "station/Idle time": books.firstIdleSeconds,
    "station/Energy per hour": books.firstKwh,
    "station/Lifetime energy": books.firstKwh,
    "sessions/Sessions": books.sessions,
    "sessions/Under way": books.sessions - books.ended,
    "sessions/Energy": books.kwh,
    "sessions/Revenue": books.revenue,
    "sessions/Energy of a session": books.endedKwh / books.ended,
    "sessions/Time at the port": books.connectedSeconds / books.ended,
    "sessions/Successful": 1,
    "sessions/Energy per day": books.kwh,
    "sessions/Sessions per day": books.sessions,
    "sessions/Revenue per day": books.revenue,
    "sessions/Energy per week": books.kwh,
    "sessions/Energy per month": books.kwh,
    "sessions/Energy by station": books.kwh,
    "sessions/Utilisation by station": books.inUseHours / 2 / perPort,
    "sessions/Idle time by station": books.idleSeconds,
    "fleet/States of the ports": books.seenInUseHours,
    // The stores have the reading that confirms the limit too, in the five minutes before.
    "control/Limited over time": books.limitedHours + (language === "promql" ? 0 : 5 / 60),
    "control/Commands": books.commands,
    "control/Commands per hour": books.commands,
    "control/Renewals of limits": books.renewals,
    "control/Limited ports": 0,
    "control/Peak load against limit": books.peakKw / LIMIT_KW,
    "health/Broker connected": 1,
    "health/Store takes data": 2,
    "health/Stations": books.stations,
    "health/Values lost": 0,
    "health/Stations that report": books.stations,
    "health/Readings": books.readings,
  };
}

const RANGE = { from: FROM / 1000, to: TO / 1000, interval: 300 };
const SERVERS = ["PostgreSQL", "InfluxDB", "Prometheus", "VictoriaMetrics"];

function rounded(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

const isWhole = hasPostgres() && influxInstalled && prometheusInstalled;

describe.skipIf(!isWhole)("every query of the dashboards, after a simulated day", () => {
  const stack = new AsyncDisposableStack();
  let day: Day;
  const servers: {
    readonly name: string;
    readonly language: Language;
    readonly ask: (panel: PanelJson, timezone?: { values: string[] }) => Promise<Answers[]>;
    readonly options: Server["options"];
  }[] = [];

  beforeAll(async () => {
    const postgres = stack.adopt(await Postgres.run(), (one) => one.dispose());
    const influxd = stack.adopt(await Influxd.run(), (one) => one.dispose());
    day = await liveThroughDay(postgres, influxd);
    await postgres.sql(readerOf(read("docs/dashboards.md")));
    const prometheus = await Prometheus.withSamples(samples(day, 1000, "# EOF\n"));
    stack.defer(() => prometheus.dispose());
    const add = (name: string, language: Language, server: Server) =>
      servers.push({ name, language, ask: asking(language, server.ask), options: server.options });
    add("PostgreSQL", "postgres", ofPostgres(postgres));
    add("InfluxDB", "influxql", ofInflux(influxd));
    add("Prometheus", "promql", ofPromql(prometheus.url));
    if (!victoriaMetricsInstalled) return;
    const victoria = await VictoriaMetrics.withSamples(samples(day, 1));
    stack.defer(() => victoria.dispose());
    add("VictoriaMetrics", "promql", ofPromql(victoria.url));
  }, 120_000);
  afterAll(() => stack.disposeAsync());

  test("variables offer the sites, stations, ports and limit groups that there are", async () => {
    const ids = ["1:100001", "1:100002", "1:100003"];
    const devices = ["site/s1", "site/s2", "site/s3"];
    for (const { name, language, options } of servers)
      for (const dashboard of dashboards.filter((one) => one.language === language))
        for (const { name: variable, type, query, regex } of dashboard.json.templating.list) {
          if (type !== "query") continue;
          const text = typeof query === "string" ? query : query.query;
          const found = await options(filled(text, language, { ...RANGE, variables: VARIABLES[language] }));
          const pattern = regex ? new RegExp(regex.slice(1, -1)) : /^(.*)$/;
          const offered = [...new Set(found.flatMap((value) => pattern.exec(value)?.[1] ?? []))].sort();
          const right = {
            site: ["site/"],
            port: ["1", "2"],
            group: ["garage"],
            station: language === "postgres" && dashboard.name === "sessions" ? ids : devices,
          }[variable];
          expect(offered, `${name}: ${variable} of ${dashboard.file}`).toEqual(right);
        }
  });

  test("days begin at midnight of the time zone that is chosen", async () => {
    // Midnight is at 08:00 UTC: the first session starts three quarters of an hour before.
    const zone = { values: ["America/Los_Angeles"] };
    for (const [name, kwh] of [
      ["PostgreSQL", [24, day.books.kwh - 24]],
      ["InfluxDB", [4.5, day.books.kwh - 4.5]],
    ] as const) {
      const { ask, language } = servers.find((one) => one.name === name)!;
      const { json } = dashboards.find((one) => one.language === language && one.name === "sessions")!;
      const [answer] = await ask(json.panels.find(({ title }) => title === "Energy per day")!, zone);
      const [points] = [...answer!.series.values()];
      const days = points!.filter(([, value]) => Number(value) > 0).map(([, value]) => Number(value));
      expect(days, name).toHaveLength(2);
      for (const [index, right] of kwh.entries())
        expect(Math.abs(days[index]! - right), `${name}: ${days}`).toBeLessThan(0.3);
    }
  });

  test("parses, gives rows and the names of its legend, and is what the simulator's books say", async () => {
    const wrong: string[] = [];
    const table = new Map<string, Map<string, string>>();
    const known = new Set<string>();
    for (const { name, language, ask } of servers) {
      const said = expected(day.books, language);
      for (const dashboard of dashboards.filter((one) => one.language === language))
        for (const panel of dashboard.json.panels) {
          const key = `${dashboard.name}/${panel.title}`;
          known.add(key);
          const where = `${name}: ${key}`;
          try {
            const answers = await ask(panel);
            const rows = answers.reduce((sum, one) => sum + one.rows, 0);
            if (answers.some((one) => one.rows === 0)) wrong.push(`${where}: no rows`);
            const figure = figureOf(panel, answers, intervalOf(panel));
            const right = said[key];
            const cells = table.get(key) ?? new Map<string, string>();
            const shown = right === undefined ? "" : `: ${rounded(figure!)}`;
            table.set(key, cells.set(name, `${rows}${shown}`).set("unit", panel.fieldConfig.defaults.unit));
            if (
              right !== undefined &&
              !(Math.abs(figure! - right) <= Math.max(TOLERANCE[language] * right, 1e-9))
            )
              wrong.push(`${where}: ${figure} and not ${right}`);
          } catch (error) {
            wrong.push(`${where}: ${(error as Error).message}`);
          }
        }
    }
    expect(wrong).toEqual([]);
    const books = expected(day.books, "postgres");
    expect(Object.keys(books).filter((key) => !known.has(key))).toEqual([]);
    const order = ["fleet", "station", "sessions", "control", "health"];
    const place = ([key]: [string, unknown]) => order.indexOf(key.split("/")[0]!);
    const rows = [...table]
      .sort((a, b) => place(a) - place(b))
      .map(([key, cells]) => {
        const right = books[key] === undefined ? "" : rounded(books[key]);
        const columns = SERVERS.map((name) => cells.get(name) ?? "–");
        return `| ${[...key.split("/"), cells.get("unit"), ...columns, right].join(" | ")} |`;
      });
    const page = () => read("docs/dashboards.md");
    if (process.env.UPDATE) expectMade("docs/dashboards.md", withRows(page(), "### Rows and sums", rows));
    // Numbers of rows depend on the versions of the servers; which panels there are does not.
    const first = (row: string) => row.split(" | ").slice(0, 3).join(" | ");
    expect(rows.map(first).filter((row) => !page().includes(`\n${row} |`))).toEqual([]);
  });
});

/** The statements of the page that make the user of Grafana, for the owner of the test's database. */
function readerOf(page: string): string {
  const [, statements] = /```sql\n(-- PostgreSQL[\s\S]*?)```/.exec(page)!;
  return statements!.replace("FOR ROLE voltbridge", `FOR ROLE ${POSTGRES_USER}`);
}

/** Seconds that a panel shows. */
function rangeOf({ timeFrom }: PanelJson): number {
  return timeFrom === undefined ? (TO - FROM) / 1000 : secondsOf(timeFrom);
}

/** Seconds between its points. */
function intervalOf(panel: PanelJson): number {
  const shortest = panel.interval === undefined ? 60 : secondsOf(panel.interval);
  return Math.max(shortest, Math.round(rangeOf(panel) / 1440 / 60) * 60);
}

/** Asks for every target of a panel as Grafana does. */
function asking(
  language: Language,
  ask: Server["ask"],
): (panel: PanelJson, timezone?: { values: string[] }) => Promise<Answers[]> {
  return (panel, timezone = { values: ["UTC"] }) => {
    const to = TO / 1000;
    const range = rangeOf(panel);
    const interval = intervalOf(panel);
    const isSession = panel.targets.some((target) => target.rawSql?.includes("station_id IN"));
    const variables = isSession
      ? { ...VARIABLES.postgres, station: { values: ["1:100001", "1:100002", "1:100003"] } }
      : VARIABLES[language];
    const values = { from: to - range, to, interval, variables: { ...variables, timezone } };
    return Promise.all(
      panel.targets.map((target) => ask(filled(textOf(target), language, values), target, values)),
    );
  };
}

/**
 * The texts of the metrics as one, with times, and the labels that a scrape adds. A standby of the bridge reads the same stations: it
 * reports their series too.
 */
function samples({ metrics }: Day, divisor: number, end = ""): string {
  const lines = metrics.flatMap(([time, text]) =>
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .flatMap((line) => {
        const [, name, labels, value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)!;
        const of = (instance: string) =>
          `${name}{job="voltbridge",instance="${instance}"${labels ? `,${labels}` : ""}} ${value} ${time / divisor}`;
        const isOfStations = /^voltbridge_(device|port|site)s?_|^voltbridge_devices/.test(name!);
        return isOfStations ? [of("bridge:9464"), of("standby:9464")] : [of("bridge:9464")];
      }),
  );
  return `${lines.join("\n")}\n${end}`;
}
