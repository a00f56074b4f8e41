import { globSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { soakMinutes } from "./test/faults/scale.ts";

/** Tests that carry an id, or run a suite of contracts in which tests do. The stories of `e2e` are told whole or not at all. */
const withIds = globSync("test/**/*.test.ts")
  .filter((file) => !/^test\/(faults|e2e)\//.test(file))
  .filter((file) =>
    /["'`][^"'`\n]*\b[AB]\d{1,2}[,:][^"'`\n]*|contracts\/(queue|historian)-/.test(readFileSync(file, "utf8")),
  );

const DEADLINES = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 20_000 } } };

/** The proof that nothing is lost: the full forms below `test/faults`, and whatever else carries an id A1 to A29 or B1 to B17; and the page in every look. */
export default defineConfig({
  test: {
    globalSetup: ["test/global-setup.ts"],
    setupFiles: ["test/setup.ts"],
    reporters: ["default", "./test/faults/id-reporter.ts"],
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "quick",
          include: withIds,
          // See roundsOf in test/faults/scale.ts.
          env: { FAULTS: "1" },
          testNamePattern: /\b[AB]\d{1,2}[,:]/,
          ...DEADLINES,
          sequence: { groupOrder: 0 },
        },
      },
      // What carries no such id, and of which `npm test` runs a quick form.
      {
        extends: true,
        test: {
          name: "long",
          include: ["test/drivers/chargepoint/api/page-reader.test.ts", "test/web/live.test.ts"],
          env: { FAULTS: "1" },
          ...DEADLINES,
          sequence: { groupOrder: 0 },
        },
      },
      // Every look of every view; `npm test` checks each view in one. See looks in test/helpers/browser.ts.
      {
        extends: true,
        test: {
          name: "looks",
          include: ["test/web/page*.test.ts"],
          env: { FAULTS: "1" },
          testNamePattern: /axe-core/,
          ...DEADLINES,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "full",
          include: ["test/faults/**/*.test.ts"],
          testTimeout: (60 + soakMinutes) * 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
