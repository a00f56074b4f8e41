import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Secrets } from "../../src/log/log.ts";
import { readBridge } from "../../src/reload/bridge-files.ts";

test.each([
  ["etcd", "endpoint"],
  ["postgres", "table_prefix"],
  ["none", "endpoints"],
])("an unknown setting of the connection to %s is reported with its place", (backend, name) => {
  const folder = mkdtempSync(join(tmpdir(), "cluster-settings-"));
  const file = join(folder, "bridge.json");
  writeFileSync(
    file,
    `{\n  "cluster": {\n    "backend": "${backend}",\n    "connection": { "${name}": "x" }\n  }\n}\n`,
  );
  const { diagnostics } = readBridge(file, { secrets: new Secrets(), env: {} });
  rmSync(folder, { recursive: true });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  expect(errors).toMatchObject([{ file, line: 4, column: 21 }]);
});

test("what a member of an estate cannot have is named with its place", () => {
  const folder = mkdtempSync(join(tmpdir(), "cluster-settings-"));
  const file = join(folder, "bridge.json");
  const settings = {
    cluster: { backend: "etcd", ttl: 4.5 },
    mqtt: { embedded: { port: 1884 } },
    integrations: { home_assistant: { enabled: true }, sparkplug: { enabled: true } },
    sessions: { enabled: true },
  };
  writeFileSync(file, JSON.stringify(settings, null, 2));
  const { diagnostics } = readBridge(file, { secrets: new Secrets(), env: {} });
  rmSync(folder, { recursive: true });
  const found = diagnostics.filter(({ code }) => code === "conflicting_settings");
  expect(found.map(({ severity, path }) => `${severity} ${path}`).sort()).toEqual([
    "error cluster.ttl",
    "error integrations.home_assistant.enabled",
    "error integrations.sparkplug.enabled",
    "error mqtt.embedded",
    "warning historian.backend",
    "warning sessions.backend",
  ]);
  expect(found.find(({ path }) => path === "cluster.ttl")).toMatchObject({ file, line: 4 });
});
