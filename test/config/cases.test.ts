import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { formatDiagnostic, loadBridge, loadDevices } from "../../src/config/index.ts";
import { Secrets } from "../../src/log/log.ts";
import { DRIVERS } from "./drivers.ts";

/**
 * Each folder of `test/cases/config` is a folder of settings as a user would have it. `expected.txt` holds every problem that is reported,
 * and the devices that are left. `UPDATE=1` writes it anew.
 */
const CASES = join(import.meta.dirname, "../cases/config");
const ENV = {
  CHARGEPOINT_USERNAME: "licence-key",
  CHARGEPOINT_PASSWORD: "canary-password",
  SCRAPE_SECONDS: "30",
};

describe("config cases", () => {
  for (const name of readdirSync(CASES).sort()) {
    test(name, () => {
      const expected = join(CASES, name, "expected.txt");
      const report = loadCase(join(CASES, name));
      if (process.env.UPDATE) writeFileSync(expected, report);
      expect(report).toBe(readFileSync(expected, "utf8"));
    });
  }
});

/** Loads a copy whose permissions are known, whatever those of the checkout are. */
function loadCase(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(source, folder, { recursive: true });
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      chmodSync(join(entry.parentPath, entry.name), entry.name.includes("private") ? 0o600 : 0o644);

  const options = { secrets: new Secrets(), env: ENV };
  const bridgeFile = existsSync(join(folder, "bridge.json")) ? join(folder, "bridge.json") : undefined;
  const bridge = bridgeFile === undefined ? { diagnostics: [] } : loadBridge(bridgeFile, options);
  const devicesFolder = join(folder, "devices");
  const devices = existsSync(devicesFolder)
    ? loadDevices(devicesFolder, DRIVERS, { registries: join(folder, "registry") }, options)
    : { devices: [], diagnostics: [] };
  const lines = [...bridge.diagnostics, ...devices.diagnostics].map((d) => formatDiagnostic(d, folder));
  if (bridgeFile !== undefined) lines.push(`bridge: ${"settings" in bridge ? "loaded" : "not loaded"}`);
  for (const { path, driverType, intervalSeconds, registryFile } of devices.devices)
    lines.push(`device ${path}: ${driverType}, every ${intervalSeconds} s, ${registryFile}`);
  const report = `${lines.join("\n")}\n`.replaceAll(folder, "<case>");
  expect(report, "no secret is ever shown").not.toMatch(/canary/);
  return report;
}
