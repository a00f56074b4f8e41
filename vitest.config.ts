import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Minutes long: vitest.faults.config.ts.
    exclude: ["test/faults/**"],
    globalSetup: ["test/global-setup.ts"],
    setupFiles: ["test/setup.ts"],
    // Deadlines for the day on which the machine has much else to do; the tests wait for events and need a fraction of it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    // CI runs beside others: a stall of some seconds is not a fault. What fails twice is; what failed once is listed.
    retry: process.env.CI ? 1 : 0,
    // A process runs many files, one after the other: to load the program anew for each costs more than half of the tests need.
    isolate: false,
    // Two cores are the smallest machine this suite is meant for.
    maxWorkers: 2,
  },
});
