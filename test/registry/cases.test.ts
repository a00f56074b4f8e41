import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatDiagnostic } from "../../src/config/index.ts";
import { type RegistryRow, readRegistry } from "../../src/registry/index.ts";

/**
 * Each folder of `test/cases/registry` holds a registry as a user would have it, and in `expected.txt` every problem that is reported
 * and the rows that are left. `UPDATE=1` writes it anew.
 */
const CASES = join(import.meta.dirname, "../cases/registry");

describe("registry cases", () => {
  for (const name of readdirSync(CASES).sort()) {
    test(name, async () => {
      const folder = join(CASES, name);
      const { rows, diagnostics } = await readRegistry(join(folder, "registry.csv"));
      const lines = [...diagnostics.map((d) => formatDiagnostic(d, folder)), ...rows.map(rowText)];
      const report = `${lines.join("\n")}\n`;
      if (process.env.UPDATE) writeFileSync(join(folder, "expected.txt"), report);
      expect(report).toBe(readFileSync(join(folder, "expected.txt"), "utf8"));
    });
  }
});

function rowText({ line, point, attribute, register, port }: RegistryRow): string {
  const { name, type, ...rest } = point;
  return `line ${line}: ${name} (${type}) = ${register}.${attribute}${port ? `[${port}]` : ""} ${JSON.stringify(rest)}`;
}
