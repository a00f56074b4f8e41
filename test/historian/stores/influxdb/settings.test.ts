import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openHistorian } from "../../../../src/historian/index.ts";
import { influxdb } from "../../../../src/historian/stores/influxdb/index.ts";
import { evLayout, volttronLayout } from "../../../../src/historian/stores/influxdb/layout.ts";
import { type InfluxConnection, targetOf } from "../../../../src/historian/stores/influxdb/settings.ts";
import { SETTINGS } from "../../settings.ts";
import { connection, SILENT } from "./store.ts";

describe("settings of the InfluxDB backend", () => {
  test("docs/historian.md names each with its default", () => {
    const page = readFileSync(new URL("../../../../docs/historian.md", import.meta.url), "utf8");
    const [, part = ""] = /\n## InfluxDB\n([\s\S]*?)\n## /.exec(page) ?? [];
    const [, table = ""] = /\| setting [^\n]*\n\|[-| ]+\n([\s\S]*?)\n\n/.exec(part) ?? [];
    const documented = [...table.matchAll(/^\| `(\w+)` \| `(.*?)` \|/gm)].map(
      ([, name, preset]) => `${name} ${preset}`,
    );
    const properties = influxdb.configSchema.properties as Record<string, { default: unknown }>;
    expect(documented).toEqual(
      Object.entries(properties).map(([name, schema]) => `${name} ${JSON.stringify(schema.default)}`),
    );
  });

  test.each<[Partial<InfluxConnection>, RegExp]>([
    [{ url: "http://me:secret@host:8086" }, /move them to username and password/],
    [{ url: "http://host:8086/?db=x" }, /only host, port and path/],
    [{ url: "http://host:99999" }, /url must be a URL, found/],
    [{ version: 2, token: "t" }, /requires org/],
    [{ version: 2, org: "o" }, /requires token/],
    [{ version: 3, username: "me" }, /username is a setting for version 1; this is version 3/],
    [{ token: "t" }, /token is a setting for version 2 and 3; this is version 1/],
  ])("what cannot work is refused: %j", (given, message) => {
    expect(() => targetOf(connection(given))).toThrow(message);
    expect(() => targetOf(connection(given))).not.toThrow(/secret/);
  });

  test.each([
    ["http://127.0.0.1:8086", false],
    ["http://localhost:8086", false],
    ["http://[::1]:8086", false],
    ["https://influx.example", true],
    ["http://192.168.1.5:8086/influx/", true],
  ])("%s: compressed %s", (url, gzip) => {
    expect(targetOf(connection({ url })).gzip).toBe(gzip);
    expect(targetOf(connection({ url, gzip: !gzip })).gzip).toBe(!gzip);
    expect(targetOf(connection({ url })).url).not.toMatch(/\/$/);
  });

  test.each([
    [{ databse: "x" }, /additional properties: databse/],
    [{ database: 'a"b' }, /database/],
    [{ retention_duration: "forever" }, /retention_duration/],
  ])("the schema refuses %j", async (given, message) => {
    const settings = { ...SETTINGS, backend: "influxdb", connection: given };
    await expect(openHistorian(settings, ".", { log: SILENT })).rejects.toThrow(message);
  });
});

describe("where a topic goes", () => {
  const tagsOf = (tags: readonly (readonly [string, string])[]): string =>
    tags
      .filter(([, value]) => value !== "")
      .map((tag) => tag.join("="))
      .join(" ");

  test.each([
    ["a/b/c/p", "p", "building=b campus=a device=c source=scrape"],
    ["x/a/b/c/p", "p", "building=b campus=x/a device=c source=scrape"],
    ["b/c/p", "p", "building=b device=c source=scrape"],
    ["p", "p", "source=scrape"],
    ["/p", "p", "device=% source=scrape"],
    ["c/", "%", "device=c source=scrape"],
    ["c/meta", "%6deta", "device=c source=scrape"],
    ["c/#1", "%231", "device=c source=scrape"],
    ["c/100%", "100%25", "device=c source=scrape"],
    ["c/a\\b\n", "a%5cb%0a", "device=c source=scrape"],
    ["actuators/write/c/p", "p", "building=write campus=actuators device=c source=record"],
  ])("volttron: %j", (key, measurement, tags) => {
    const location = volttronLayout.locate(key);
    expect([location.measurement, tagsOf(location.tags)]).toEqual([measurement, tags]);
  });

  test.each([
    ["a/s/portLoad_1", "kW", "ev_port", "device=a/s port=1", "port_load_kw"],
    ["a/s/Status_1A", "", "ev_port", "device=a/s port=1a", "status"],
    ["a/s/lastBatteryPercent_2", "%", "ev_port", "device=a/s port=2", "last_battery_percent"],
    ["a/s/Voltage_2", "V", "ev_port", "device=a/s port=2", "voltage_v"],
    ["a/s/stationLoad", "kW", "ev_station", "device=a/s", "station_load_kw"],
    ["a/s/stationReception", "dBm", "ev_station", "device=a/s", "station_reception_dbm"],
    [
      "a/s/price_unitPricePerKWh",
      "currency/kWh",
      "ev_station",
      "device=a/s",
      "price_unit_price_per_kwh_currency_per_kwh",
    ],
    ["a/s/temp", "°C", "ev_station", "device=a/s", "temp_degc"],
    ["a/s/session_Energy_1", "kWh", "ev_session", "device=a/s port=1", "energy_kwh"],
    ["a/s/session_vehiclePortMAC_1", "", "ev_session", "device=a/s port=1", "vehicle_port_mac"],
    ["a/s/alarmTime", "", "ev_alarm", "device=a/s", "alarm_time"],
    ["a/s/clearAlarms_2", "", "ev_alarm", "device=a/s port=2", "clear_alarms"],
    ["a/s/time", "", "ev_station", "device=a/s", "time_value"],
    ["a/s/_1", "", "ev_port", "device=a/s port=1", "value"],
    ["actuators/write/a/s/allowedLoad_1", "", "ev_write", "device=a/s port=1", "allowed_load"],
    ["p", "", "ev_station", "", "p"],
  ])("ev: %s in %j", (topic, units, measurement, tags, field) => {
    const location = evLayout.locate(topic.toLowerCase());
    const found = evLayout.field({ topic, meta: { units, type: "float", tz: "UTC" } });
    expect([location.measurement, tagsOf(location.tags), found]).toEqual([measurement, tags, field]);
  });
});
