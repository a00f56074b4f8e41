/**
 * Dashboards as Grafana imports them (its "classic" JSON model, versions 10 and later). Only the fields that differ from Grafana's
 * defaults, or that its importer needs.
 */
import {
  type Dashboard,
  type Language,
  type Panel,
  type Query,
  queriesOf,
  type Row,
  type Unit,
  type Variable,
} from "./panel.ts";

/** Version of the JSON model that Grafana 11 and 12 write. */
const SCHEMA_VERSION = 41;
const COLUMNS = 24;

const SOURCES: Readonly<Record<Language, { readonly type: string; readonly name: string }>> = {
  postgres: { type: "grafana-postgresql-datasource", name: "PostgreSQL" },
  influxql: { type: "influxdb", name: "InfluxDB" },
  promql: { type: "prometheus", name: "Prometheus" },
};

/** Returns the file name of a dashboard below `deploy/grafana`. */
export function fileOf({ id }: Dashboard, language: Language): string {
  return `${language}/${id}.json`;
}

function uidOf(id: string, language: Language): string {
  return `voltbridge-${id}-${language}`;
}

/** Returns the dashboard with the panels that can be answered in this language; undefined where there is none. */
export function dashboardJson(dashboard: Dashboard, language: Language): object | undefined {
  const rows = dashboard.rows
    .map(({ height, panels }) => ({
      height,
      panels: panels.filter((panel) => queriesOf(panel, language).length > 0),
    }))
    .filter(({ panels }) => panels.length > 0);
  if (rows.length === 0) return undefined;
  const { id, title, description, from, variables } = dashboard;
  const { name } = SOURCES[language];
  return {
    uid: uidOf(id, language),
    title: `voltbridge: ${title} (${name})`,
    description,
    tags: ["voltbridge", name.toLowerCase()],
    schemaVersion: SCHEMA_VERSION,
    // Grafana overwrites edits of provisioned dashboards; a copy by "Save as" can be edited.
    editable: false,
    graphTooltip: 1,
    refresh: "1m",
    time: { from: `now-${from}`, to: "now" },
    timezone: "browser",
    timepicker: {},
    annotations: { list: [] },
    links: [
      {
        ...{ type: "dashboards", title: "voltbridge", tags: ["voltbridge", name.toLowerCase()] },
        ...{ asDropdown: false, keepTime: true, includeVars: false, targetBlank: false, icon: "dashboard" },
      },
    ],
    templating: { list: [sourceVariable(language), ...variables[language].map(variableJson(language))] },
    panels: placed(rows, language),
  };
}

function sourceVariable(language: Language) {
  const { type, name } = SOURCES[language];
  return {
    ...{ type: "datasource", name: "datasource", label: "Data source", query: type, regex: "" },
    ...{ description: `A ${name} data source.`, hide: 0, multi: false, includeAll: false, refresh: 1 },
    ...{ current: {}, options: [] },
  };
}

function variableJson(language: Language) {
  return ({ kind, name, label, text, multi = false, regex = "", all, description }: Variable) => {
    const base = { type: kind, name, label, ...(description !== undefined && { description }) };
    if (kind !== "query")
      return { ...base, query: text, current: { text, value: text }, hide: kind === "constant" ? 2 : 0 };
    const everything = { text: "All", value: "$__all" };
    return {
      ...base,
      datasource: sourceOf(language),
      // The editor of Prometheus variables reads an object, the others text.
      ...{ definition: text, query: language === "promql" ? { query: text, refId: "variable" } : text },
      // Asked again when the range changes; sorted by name.
      ...{ refresh: 2, sort: 1, hide: 0, regex, options: [] },
      ...{ multi, includeAll: multi, ...(multi && all !== undefined && { allValue: all }) },
      current: multi ? { text: [everything.text], value: [everything.value] } : {},
    };
  };
}

function sourceOf(language: Language) {
  return { type: SOURCES[language].type, uid: "${datasource}" };
}

/** Panels of a row share its width. */
function placed(rows: readonly Row[], language: Language): object[] {
  let y = 0;
  let id = 0;
  return rows.flatMap(({ height, panels }) => {
    const top = y;
    y += height;
    return panels.map((panel, index) => {
      const x = Math.round((COLUMNS * index) / panels.length);
      const end = Math.round((COLUMNS * (index + 1)) / panels.length);
      return panelJson(panel, language, ++id, { x, y: top, w: end - x, h: height });
    });
  });
}

function panelJson(panel: Panel, language: Language, id: number, gridPos: object) {
  const { kind, title, description, interval, range } = panel;
  return {
    ...{ id, type: kind, title, description, gridPos },
    datasource: sourceOf(language),
    // Of other panels Prometheus gives as many points as there is room for.
    ...(interval !== undefined && (language !== "promql" || panel.bars) && { interval }),
    ...(range !== undefined && { timeFrom: range }),
    targets: queriesOf(panel, language).map((query, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: sourceOf(language),
      ...targetJson(query, language),
    })),
    ...(kind === "table" && language === "promql" && { transformations: [COLUMNS_OF_LABELS] }),
    fieldConfig: fieldConfig(panel, language),
    options: optionsOf(panel),
  };
}

/** Tables of PromQL have a column for the time of the query, and their value is called "Value". */
const COLUMNS_OF_LABELS = {
  id: "organize",
  options: { excludeByName: { Time: true }, renameByName: { device: "Station", Value: "Age" } },
};

function targetJson({ text, legend, table = false, instant = false }: Query, language: Language) {
  switch (language) {
    case "postgres":
      return {
        ...{ editorMode: "code", rawQuery: true, rawSql: text },
        format: table ? "table" : "time_series",
      };
    case "influxql":
      return {
        ...{ rawQuery: true, query: text, resultFormat: table ? "table" : "time_series" },
        ...(legend !== undefined && { alias: legend }),
      };
    case "promql":
      return {
        ...{ editorMode: "code", expr: text, legendFormat: legend ?? "__auto" },
        ...{ format: table ? "table" : "time_series", instant, range: !instant },
      };
  }
}

function unitId(unit: Unit): string {
  return unit === "currency" ? "none" : unit;
}

function fieldConfig(panel: Panel, language: Language) {
  const { unit, kind, decimals, max, thresholds, values, limits = false, columns = {} } = panel;
  const steps = thresholds ?? [{ from: null, color: "green" as const }];
  const properties = (of: Record<string, unknown>) =>
    Object.entries(of).map(([id, value]) => ({ id, value }));
  return {
    defaults: {
      unit: unitId(unit),
      ...(decimals !== undefined && { decimals }),
      ...(unit !== "none" && kind !== "state-timeline" && { min: 0 }),
      ...(max !== undefined && { max }),
      thresholds: { mode: "absolute", steps: steps.map(({ from, color }) => ({ value: from, color })) },
      color: { mode: thresholds || kind === "stat" ? "thresholds" : "palette-classic" },
      ...(values && {
        mappings: [
          {
            type: "value",
            options: Object.fromEntries(
              Object.entries(values).map(([value, shown], index) => [value, { index, ...shown }]),
            ),
          },
        ],
      }),
      custom: customOf(panel),
      ...(panel.toStation && {
        links: [
          {
            title: "Station",
            url: `/d/${uidOf("station", language)}?var-datasource=\${datasource}&var-station=\${__field.displayName}&\${__url_time_range}`,
          },
        ],
      }),
    },
    overrides: [
      ...(limits
        ? [
            {
              matcher: { id: "byRegexp", options: "/ limit$/" },
              properties: properties({
                "custom.lineStyle": { fill: "dash", dash: [10, 10] },
                "custom.lineInterpolation": "stepAfter",
                "custom.fillOpacity": 0,
              }),
            },
          ]
        : []),
      ...Object.entries(columns).map(([column, own]) => ({
        matcher: { id: "byName", options: column },
        properties: properties({ unit: unitId(own) }),
      })),
    ],
  };
}

function customOf({ kind, stacked = false, bars = false }: Panel): object {
  if (kind === "state-timeline") return { lineWidth: 0, fillOpacity: 80 };
  if (kind === "table") return { align: "auto", filterable: true };
  if (kind !== "timeseries") return {};
  return {
    drawStyle: bars ? "bars" : "line",
    ...{ lineWidth: 1, fillOpacity: bars ? 80 : stacked ? 40 : 10, showPoints: "auto" },
    stacking: { mode: stacked ? "normal" : "none", group: "A" },
    // A gap stays a gap: an hour without values is no line.
    spanNulls: 3_600_000,
  };
}

function optionsOf({ kind }: Panel): object {
  const latest = { calcs: ["lastNotNull"], fields: "", values: false };
  switch (kind) {
    case "stat":
      return { reduceOptions: latest, colorMode: "value", graphMode: "none", textMode: "auto" };
    case "bargauge":
      return { reduceOptions: latest, orientation: "horizontal", displayMode: "basic", showUnfilled: true };
    case "state-timeline":
      return {
        ...{ mergeValues: true, showValue: "never", rowHeight: 0.8 },
        legend: { showLegend: true, displayMode: "list", placement: "bottom" },
        tooltip: { mode: "single" },
      };
    case "table":
      return { showHeader: true, cellHeight: "sm" };
    case "timeseries":
      return {
        legend: { showLegend: true, displayMode: "list", placement: "bottom" },
        tooltip: { mode: "multi", sort: "desc" },
      };
  }
}
