import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Minutes long: vitest.faults.config.ts.
    exclude: ["test/faults/**"],
    globalSetup: ["test/global-setup.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 10_000 } },
    // Two cores are the smallest machine this suite is meant for.
    maxWorkers: 2,
  },
});
