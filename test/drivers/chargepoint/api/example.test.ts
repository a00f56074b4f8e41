import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "../../../../src/simulator/index.ts";

const run = promisify(execFile);
const EXAMPLE = fileURLToPath(new URL("../../../../examples/library/account.ts", import.meta.url));

describe("examples/library", () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({ stations: 12, seed: 3, incidents: false });
  });
  afterAll(() => simulator.close());

  const example = (password: string, ...args: string[]) =>
    run(process.execPath, [EXAMPLE, "--endpoint", simulator.endpoint, ...args], {
      env: { ...process.env, CHARGEPOINT_USERNAME: simulator.username, CHARGEPOINT_PASSWORD: password },
      timeout: 15_000,
    });

  it("lists the account's stations and the last day's sessions", async () => {
    const { stdout } = await example(simulator.password);
    const lines = stdout.trim().split("\n");
    const stations = lines
      .filter((line) => /^\d+:\d+ .*\(1.*kW/.test(line))
      .map((line) => line.split(" ")[0]);
    expect(stations.sort()).toEqual([...simulator.stationIDs].sort());
    const sessions = lines.filter((line) => /^\d{4}-.* port \w+ {2}[\d.]+ kWh {2}until/.test(line));
    expect(sessions.length).toBeGreaterThan(0);
    expect(lines.at(-1)).toMatch(
      new RegExp(`^12 stations, ${sessions.length} sessions since 20\\d\\d-.*Z, [\\d.]+ kWh$`),
    );
  });

  it("says what is wrong with the credentials, without the password, and fails", async () => {
    await expect(example("wrong-password")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^(?!.*wrong-password).*does not accept the credentials/),
    });
  });

  it("says what it needs", async () => {
    await expect(example("", "--hours", "1")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CHARGEPOINT_PASSWORD"),
    });
  });
});
