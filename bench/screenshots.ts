/**
 * Draws every view of the page for docs/images: wide and light, and on a phone in the dark. A bridge on the simulator, with a day of
 * history that is written before it starts.
 *
 *   npm run screenshots -- [--folder docs/images]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { startBridge } from "../src/bridge.ts";
import { openHistorian } from "../src/historian/index.ts";
import { createLog, Secrets } from "../src/log/log.ts";
import { BridgeFiles } from "../src/reload/bridge-files.ts";
import { startSimulator } from "../src/simulator/index.ts";
import { hashPassword } from "../src/web/access/passwords.ts";
import { PHONE, startChromium, WIDE } from "../test/helpers/browser.ts";
import { eventually } from "../test/helpers/eventually.ts";
import { freePort } from "../test/helpers/mosquitto.ts";
import { Site } from "../test/helpers/site.ts";

const { values: flags } = parseArgs({ options: { folder: { type: "string", default: "docs/images" } } });
const STATIONS = 24;
const PASSWORD = "correct horse";
const STATION = "/stations/site/s3";
const LOADS = "topic=site/s3/portLoad_1&topic=site/s4/portLoad_1";

/** Name of the file, address, and what to do before the picture. */
const VIEWS: readonly [name: string, address: string, prepare?: (page: Page) => Promise<void>][] = [
  ["stations", "/"],
  ["station", STATION],
  ["limit", STATION, (page) => page.getByRole("button", { name: "Set limit" }).first().click()],
  ["sessions", "/sessions"],
  ["history", `/history?${LOADS}`],
  ["control", "/control"],
  ["alarms", "/alarms"],
  ["registry", "/registry/chargepoint-minimal.csv"],
  ["system", "/system"],
];

const simulator = await startSimulator({ stations: STATIONS, seed: 7, model: "CT4021-GW1" });
const { endpoint, username, password, stationIDs } = simulator;
const site = new Site({
  ...{ endpoint, username, password, stationIDs },
  bridge: {
    instance: "campus-north",
    mqtt: { embedded: { port: await freePort() } },
    historian: { backend: "sqlite" },
    sessions: { enabled: true },
    web: {
      enabled: true,
      port: await freePort(),
      users: [{ name: "ann", hash: await hashPassword(PASSWORD), role: "admin" }],
    },
    limits: { roof: { devices: ["site/s1", "site/s2", "site/s5"], max_kw: 24 } },
  },
  device: { interval: 5 },
});
const secrets = new Secrets();
const log = createLog({ level: "warn" });
const files = new BridgeFiles({ config: site.config, secrets, env: {} });
const loaded = await files.load();
await fillDay();
const bridge = await startBridge({
  ...{ settings: loaded.settings, devices: loaded.devices, secrets, log, version: "0.1.0" },
  files: { loaded, load: () => files.load() },
  onDiagnostics: () => undefined,
});
const browser = await startChromium();
try {
  await eventually(() => {
    if (bridge.devices.latest.count().online < STATIONS) throw new Error("not all stations were read");
  }, 60_000);
  for (const [station, kw, durationMinutes] of [
    ["s3", 3, 30],
    ["s9", 4.5, 240],
  ] as const) {
    const command = { id: station, requester: "ann", via: "web", sentAt: new Date(), durationMinutes };
    await bridge.devices.commands.set(`site/${station}`, "allowedLoad_1", kw, command);
  }
  for (const [folder, viewport, colorScheme] of [
    ["wide", WIDE, "light"],
    ["phone", PHONE, "dark"],
  ] as const) {
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    await page.goto(bridge.web!.url!);
    await page.getByLabel("Name").fill("ann");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByText("in use").first().waitFor();
    for (const [name, address, prepare] of VIEWS) {
      await page.goto(bridge.web!.url! + address);
      await prepare?.(page);
      // Values, curves and charts come one after the other.
      await page.waitForTimeout(3000);
      await page.screenshot({ path: join(flags.folder, `page-${name}-${folder}.png`) });
      console.log(`page-${name}-${folder}.png`);
    }
    await context.close();
  }
} finally {
  await browser.close();
  await bridge.stop();
  await simulator.close();
  site.remove();
}

/** A day of loads: a vehicle in the morning and one in the evening at every port, at its own time. */
async function fillDay(): Promise<void> {
  const store = await openHistorian(loaded.settings.historian, loaded.settings.data, {
    log,
    readonly: false,
  });
  const now = Math.floor(Date.now() / 60_000);
  for (const [index, { settings, rows }] of loaded.devices.entries()) {
    const points = rows.filter(({ attribute }) => attribute === "portLoad").map(({ point }) => point);
    const samples = points.flatMap(({ name, units, type }, port) =>
      Array.from({ length: 24 * 60 }, (_, minute) => {
        const shifted = minute + index * 7 + port * 95;
        const phase = shifted % 720;
        const kw = phase > 200 ? 0 : phase < 150 ? 6.6 - index / 12 : 6.6 * ((200 - phase) / 50);
        return {
          topic: `${settings.path}/${name}`,
          time: (now - 24 * 60 + minute) * 60_000_000,
          value: Math.round(kw * 100) / 100,
          meta: { units, type, tz: "UTC" },
        };
      }),
    );
    await store.backend.write(samples);
  }
  await store.close();
}
