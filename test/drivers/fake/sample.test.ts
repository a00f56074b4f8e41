import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { loadDevices } from "../../../src/config/index.ts";
import { scrapeOnce } from "../../../src/devices/index.ts";
import { fake } from "../../../src/drivers/fake/index.ts";
import { createLog, Secrets } from "../../../src/log/log.ts";
import { readRegistry } from "../../../src/registry/index.ts";
import { driverSettings } from "../../devices/rows.ts";

const folder = fileURLToPath(new URL("../../cases/fake/", import.meta.url));

it("the sample device loads with no fault except its missing heartbeat, and is read", async () => {
  const { devices, diagnostics } = loadDevices(
    resolve(folder, "devices"),
    { fake: fake.configSchema },
    { registries: resolve(folder, "registry") },
    { secrets: new Secrets() },
  );
  expect(diagnostics).toEqual([]);
  const [settings] = devices;
  const registry = await readRegistry(settings!.registryFile);
  expect(registry.diagnostics).toEqual([]);
  const { scrape, diagnostics: found } = await scrapeOnce({
    device: { settings: settings!, rows: registry.rows },
    settings: driverSettings,
    log: createLog({ level: "silent" }),
    drivers: { fake },
  });
  expect(found.map(({ code }) => code)).toEqual(["heartbeat_not_in_registry"]);
  expect([...scrape.failures]).toEqual([]);
  expect([...scrape.values.keys()]).toEqual([...registry.rows.map((row) => row.point.name), "heartbeat"]);
  expect(scrape.values.get("allowedLoad")).toBe(7.2);
  expect(scrape.values.get("site")).toBe("Garage 3");
  expect(scrape.values.get("enabled")).toBe(true);
});
