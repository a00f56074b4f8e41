import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startMetrics } from "../../src/metrics/index.ts";
import { createMetrics, type Metrics } from "../../src/metrics/metrics.ts";
import { systemClock } from "../../src/time/clock.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectMade, read, withRows } from "../helpers/made-files.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Prometheus, prometheusInstalled, promtool } from "../helpers/prometheus.ts";
import { openRig, type Rig } from "./rig.ts";
import { type ReadText, readText } from "./text.ts";

const examples = new URL("../../examples/prometheus/", import.meta.url).pathname;
const POINT = "allowedLoad_1";

describe.skipIf(!mosquittoInstalled)("metrics of a bridge over the simulator", () => {
  let mosquitto: Mosquitto;
  let rig: Rig;
  let metrics: Metrics;
  beforeAll(async () => {
    mosquitto = await Mosquitto.run();
    rig = await openRig({
      mqtt: { url: mosquitto.url },
      simulator: { traffic: true },
      device: { registry_config: "config://chargepoint.csv" },
      groups: [
        {
          ...{ group: "garage", maxKw: 20, loadKw: 12.5, mayDrawKw: 19, busy: 2, waiting: 0, outlets: [] },
        },
      ],
    });
    let seconds = 0;
    const clock = { ...systemClock, monotonic: () => ++seconds * 1000 };
    metrics = createMetrics({ ...rig.parts, clock });
    await eventually(async () => {
      expect(rig.bridge.devices.counters().devices.online).toBe(2);
      expect(rig.bridge.mqtt.outbox?.delivered).toBeGreaterThan(0);
    });
  }, 40_000);
  afterAll(async () => {
    metrics?.stop();
    await rig?.close();
    await mosquitto?.dispose();
  });

  /** As over the port, without the second for which a text is kept. */
  const fresh = () => metrics.text();

  test("a limit is shown at its port, with what became of the command", async () => {
    const { devices } = rig.bridge;
    const command = { id: "1", requester: "test", via: "test", sentAt: new Date() };
    const result = await devices.commands.set("site/s1", POINT, 3.3, command);
    expect(result.status).toBe("confirmed");
    const port = { device: "site/s1", port: "1" };
    // The state of the port comes with the next scrape.
    const text = await eventually(async () => {
      const found = readText(await fresh());
      expect(found.value("voltbridge_port_limited", port)).toBe(1);
      return found;
    });
    expect(text.value("voltbridge_port_limit_watts", port)).toBe(3300);
    expect(text.value("voltbridge_writes_total", { status: "confirmed" })).toBe(1);
    expect(text.value("voltbridge_limits_in_force")).toBe(1);
    expect(text.value("voltbridge_mqtt_connected")).toBe(1);
    expect(text.value("voltbridge_site_limit_watts", { group: "garage" })).toBe(20_000);
    expect(text.value("voltbridge_device_power_watts", { device: "site/s2" })).toBeGreaterThanOrEqual(0);
  });

  test("H4: the books balance at every text, with and without a broker, and counters never go down", async () => {
    const texts: ReadText[] = [];
    const follow = async (until: (text: ReadText) => boolean) =>
      eventually(
        async () => {
          const text = readText(await fresh());
          texts.push(text);
          expect(until(text)).toBe(true);
        },
        40_000,
        20,
      );
    const waiting = (text: ReadText) => text.value("voltbridge_queue_waiting_values", { queue: "outbox" })!;
    await mosquitto.kill();
    await follow((text) => waiting(text) > 200);
    await mosquitto.start();
    await follow((text) => text.value("voltbridge_mqtt_connected") === 1 && waiting(text) === 0);
    expect(texts.length).toBeGreaterThan(10);
    for (const text of texts)
      for (const queue of ["outbox", "historian"]) {
        const sum = (name: string) =>
          text.samples
            .filter((one) => one.name === `voltbridge_queue_${name}` && one.labels.queue === queue)
            .reduce((total, { value }) => total + value, 0);
        expect(sum("accepted_values_total")).toBeGreaterThan(0);
        expect(sum("accepted_values_total")).toBe(
          sum("delivered_values_total") +
            sum("waiting_values") +
            sum("dropped_values") +
            sum("dead_lettered_values"),
        );
      }
    const counters = [...texts[0]!.families].filter(([, { type }]) => type === "counter");
    for (const [name] of counters)
      for (const { labels, value } of texts[0]!.samples.filter((one) => one.name === name)) {
        const values = texts.map((text) => text.value(name, labels)!);
        expect(values, name).toEqual(values.toSorted((a, b) => a - b));
        expect(values[0]).toBe(value);
      }
  });

  test("no label holds an id of a user, a card or a session, or a secret", async () => {
    const text = await (await fetch(rig.metrics.url!)).text();
    const { latest } = rig.bridge.devices;
    for (const { values } of latest.all())
      for (const [point, { value }] of values)
        if (/userID|credentialID|sessionID|driver/i.test(point) && String(value).length > 3)
          expect(text, point).not.toContain(`"${String(value)}"`);
    expect(text).not.toContain(rig.simulator.username);
    expect(text).not.toContain(rig.simulator.password);
  });

  test("docs/metrics.md has every metric with its type, labels and meaning", async () => {
    const { families, samples } = readText(await (await fetch(rig.metrics.url!)).text());
    const page = read("docs/metrics.md");
    const rows = [...families].map(([name, { type, help }]) => {
      const own = samples.filter((one) => one.name.replace(/_(bucket|sum|count)$/, "") === name);
      const seen = new Set(
        [...own, ...samples.filter((one) => one.name === name)].flatMap(({ labels }) => Object.keys(labels)),
      );
      seen.delete("le");
      // What has no series now keeps the labels that the page says.
      const [, said = ""] = new RegExp(`^\\| \`${name}\` \\| \\w+ \\| (.*?) \\|`, "m").exec(page) ?? [];
      const labels = seen.size > 0 ? [...seen].map((label) => `\`${label}\``).join(", ") : said;
      return `| \`${name}\` | ${type} | ${labels} | ${help} |`;
    });
    expectMade("docs/metrics.md", withRows(page, "## All metrics", rows));
  });

  test("the port answers GET and HEAD of /metrics only", async () => {
    const url = rig.metrics.url!;
    const response = await fetch(url);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await response.text()).toMatch(/^# HELP voltbridge_build_info/);
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const post = await fetch(url, { method: "POST", body: "x".repeat(100_000) });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    for (const path of ["/", "/metrics/..%2f", "/metricsx", "//metrics"])
      expect((await fetch(new URL(url).origin + path)).status, path).toBe(404);
  });

  test("a port that is taken is reported, and does not stop the bridge", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => taken.once("listening", done));
    const { port } = taken.address() as { port: number };
    const notices: string[] = [];
    const end = rig.parts.bus.on("notice", ({ text }) => notices.push(text));
    const settings = { ...rig.parts.settings, host: "127.0.0.1", port };
    const running = await startMetrics({ ...rig.parts, settings });
    expect(running.url).toBeUndefined();
    expect(notices).toEqual([expect.stringMatching(/EADDRINUSE.*Set metrics\.port/)]);
    await running.stop();
    end();
    taken.close();
  });

  describe.skipIf(!prometheusInstalled)("with Prometheus", () => {
    test("promtool finds no fault in the text, the rules and the example", async () => {
      expect(await promtool(["check", "metrics"], await fresh())).toBe("");
      await promtool(["check", "config", `${examples}prometheus.yml`]);
      await promtool(["test", "rules", `${examples}alerts.test.yml`]);
    });

    test("every metric that the rules name exists, and every alert has a test", async () => {
      const rules = read("examples/prometheus/alerts.yml");
      const tests = read("examples/prometheus/alerts.test.yml");
      const { families } = readText(await fresh());
      const named = rules.match(/\bvoltbridge_\w+/g)!.map((name) => name.replace(/_bucket$/, ""));
      expect(named.length).toBeGreaterThan(20);
      expect(named.filter((name) => !families.has(name))).toEqual([]);
      const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, alert]) => alert);
      expect(alerts.filter((alert) => !tests.includes(`alertname: ${alert}`))).toEqual([]);
    });

    test("a real one scrapes the port, and its queries and rules find the series", async () => {
      const prometheus = await Prometheus.run(rig.metrics.url!, `${examples}alerts.yml`);
      try {
        await eventually(async () => {
          expect(await prometheus.query('up{job="voltbridge"}')).toMatchObject([{ value: 1 }]);
          const online = 'voltbridge_devices{availability="online"}';
          expect(await prometheus.query(online)).toMatchObject([{ value: 2 }]);
          expect(await prometheus.query("sum by (device) (voltbridge_port_power_watts)")).toHaveLength(2);
          expect(await prometheus.query("voltbridge:port_uptime:ratio30d")).toHaveLength(4);
        });
      } finally {
        await prometheus.dispose();
      }
    });
  });
});
