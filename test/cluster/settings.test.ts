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
  expect(diagnostics).toMatchObject([{ severity: "error", file, line: 4, column: 21 }]);
});
