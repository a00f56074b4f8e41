import { globSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** Minutes long: vitest.faults.config.ts. */
const faults = "test/faults/**";
/** What came before in the process would count as memory that is there already. */
const measuring = globSync("test/**/*.test.ts", { exclude: [faults] }).filter((file) =>
  readFileSync(file, "utf8").includes("process.memoryUsage"),
);

export default defineConfig({
  test: {
    globalSetup: ["test/global-setup.ts"],
    // Deadlines for the day on which the machine has much else to do; the tests wait for events and need a fraction of it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    // CI runs beside others: a stall of some seconds is not a fault. What fails twice is; what failed once is listed.
    retry: process.env.CI ? 1 : 0,
    // Two cores are the smallest machine this suite is meant for.
    maxWorkers: 2,
    setupFiles: ["test/setup.ts"],
    projects: [
      // A process runs many files, one after the other: to load the program anew for each takes longer than most of them.
      {
        extends: true,
        test: {
          name: "tests",
          include: ["test/**/*.test.ts"],
          exclude: [faults, ...measuring],
          isolate: false,
        },
      },
      { extends: true, test: { name: "memory", include: measuring, isolate: true } },
    ],
  },
});
