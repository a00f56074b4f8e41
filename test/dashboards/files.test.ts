import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { dashboardFiles } from "../../deploy/grafana/source/index.ts";
import { expectMade, read } from "../helpers/made-files.ts";
import { prometheusInstalled, promtool } from "../helpers/prometheus.ts";
import { dashboards, type PanelJson, textOf } from "./grafana.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const TYPES = { postgres: "grafana-postgresql-datasource", influxql: "influxdb", promql: "prometheus" };

test("the files in deploy/grafana are what their sources make", () => {
  const made = dashboardFiles();
  for (const [file, text] of made) {
    const path = `deploy/grafana/${file}`;
    if (process.env.UPDATE) mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    if (process.env.UPDATE || existsSync(join(ROOT, path))) expectMade(path, text);
  }
  expect(globSync("*/*.json", { cwd: join(ROOT, "deploy/grafana") }).sort()).toEqual([...made.keys()].sort());
});

// The rules of Grafana's dashboard-linter, and some more.
describe.each(dashboards)("$file", ({ json, language }) => {
  const { panels, templating } = json;
  const variables = new Set(templating.list.map(({ name }) => name));
  const targets = panels.flatMap((panel) => panel.targets.map((target) => ({ panel, target })));

  test("is a dashboard that Grafana can provision", () => {
    expect(json.uid).toMatch(/^voltbridge-[a-z-]+$/);
    expect(json.uid.length).toBeLessThanOrEqual(40);
    expect(json).toMatchObject({ editable: false, refresh: "1m", timezone: "browser", time: { to: "now" } });
    expect(json.tags).toContain("voltbridge");
    expect(json.schemaVersion).toBeGreaterThanOrEqual(36);
    expect(json.title).toMatch(/^voltbridge: /);
    expect(json.description).toMatch(/\.$/);
  });

  test("asks the data source that is chosen, and no other", () => {
    expect(templating.list[0]).toMatchObject({
      name: "datasource",
      type: "datasource",
      query: TYPES[language],
    });
    const chosen = { type: TYPES[language], uid: "${datasource}" };
    for (const { panel, target } of targets) {
      expect(panel.datasource).toEqual(chosen);
      expect(target.datasource).toEqual(chosen);
    }
    for (const { type, datasource } of templating.list)
      if (type === "query") expect(datasource).toEqual(chosen);
  });

  test("every panel has a title, a description, a unit, and a place of its own", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, description, fieldConfig, gridPos, targets: own } of panels) {
      expect(title).toMatch(/^[A-Z]/);
      expect(description, title).toMatch(/\.$/);
      expect(fieldConfig.defaults.unit, title).toBeTruthy();
      expect(own.map(({ refId }) => refId)).toEqual(["A", "B", "C"].slice(0, own.length));
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken, `${title} overlaps`).not.toContain(`${x} ${y}`);
          taken.add(`${x} ${y}`);
        }
    }
    // Nothing but full rows: no holes.
    const bottom = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h));
    expect(taken.size).toBe(24 * bottom);
  });

  test("every variable of a query exists, and every variable is used", () => {
    const queries = [
      ...targets.map(({ target }) => textOf(target)),
      ...templating.list.map(({ query }) => (typeof query === "string" ? query : query.query)),
    ];
    const used = new Set<string>();
    for (const query of queries)
      for (const [, braced, plain] of query.matchAll(/\$\{(\w+)(?::\w+)?\}|\$(?!tag_|timeFilter)(\w+)/g)) {
        const name = braced ?? plain!;
        if (name.startsWith("__")) continue;
        expect(variables, query).toContain(name);
        used.add(name);
      }
    expect([...variables].filter((name) => name !== "datasource" && !used.has(name))).toEqual([]);
  });

  test("every query is bounded in time, and rates fit the interval of scrapes", () => {
    for (const { target, panel } of targets) {
      const text = textOf(target);
      if (language === "influxql") expect(text).toContain("$timeFilter");
      if (language === "postgres" && panel.title !== "Under way")
        expect(text).toMatch(/\$__timeFilter\(|\$__timeFrom\(\)/);
      if (language === "promql") expect(text).not.toMatch(/rate\([^[]*\[(?!\$__rate_interval\])/);
      if (language !== "promql" && /\$__interval/.test(text)) expect(panel.interval, text).toBeDefined();
    }
  });
});

describe.skipIf(!prometheusInstalled)("PromQL", () => {
  const folder = mkdtempSync(join(tmpdir(), "dashboards-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("every expression parses, and names metrics that the bridge has", async () => {
    const expressions = dashboards
      .filter(({ language }) => language === "promql")
      .flatMap(({ json }) => json.panels.flatMap(({ targets }: PanelJson) => targets.map(textOf)));
    expect(expressions.length).toBeGreaterThan(40);
    const rules = expressions.map((text, index) => ({
      record: `panel:${index}`,
      expr: text.replaceAll(/\$__(range|interval|rate_interval)/g, "5m").replaceAll(/\$(\w+)/g, "any"),
    }));
    const file = join(folder, "rules.yml");
    // YAML reads JSON.
    writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboards", rules }] }));
    expect(await promtool(["check", "rules", file])).toContain(`${rules.length} rules found`);
    const page = read("docs/metrics.md");
    const named = new Set(expressions.flatMap((text) => text.match(/\b(?:voltbridge|process)_\w+/g) ?? []));
    expect([...named].filter((name) => !page.includes(`\`${name.replace(/_bucket$/, "")}\``))).toEqual([]);
  });
});
