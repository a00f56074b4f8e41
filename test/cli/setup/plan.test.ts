import { afterEach, beforeEach, expect, test } from "vitest";
import { Site } from "../../helpers/site.ts";
import { cli } from "../in-process.ts";

let site: Site;

beforeEach(() => {
  const account = { endpoint: "http://127.0.0.1:9/none", username: "user", password: "canary-password" };
  const stationIDs = Array.from({ length: 20 }, (_, index) => `1:${100_001 + index}`);
  site = new Site({ ...account, stationIDs, bridge: {}, device: { interval: 60 } });
});
afterEach(() => site.remove());

test("voltbridge plan counts the calls of the loaded devices, without calling anybody", async () => {
  const { stdout, code } = await cli(["plan", "--config", site.config, "--group-size", "20", "--json"]);
  expect(code).toBe(0);
  const [account] = JSON.parse(stdout);
  expect(account.calls.map((call: { operation: string }) => call.operation)).toEqual(
    expect.arrayContaining(["getStations", "getStationStatus", "getLoad"]),
  );
  expect(stdout).not.toContain("canary-password");
  const { stdout: table } = await cli(["plan", "--config", site.config, "--group-size", "20"]);
  expect(table).toMatch(/20 stations.*times fewer than/s);
});

test("a set of stations is not counted, and said so", async () => {
  site.write("configs/devices/site/all.json", {
    driver_type: "chargepoint",
    topic: "fleet/{stationID}",
    driver_config: {
      stations: { sgID: "20001" },
      username: "user",
      password: "canary-password",
      endpoint: "http://127.0.0.1:9/none",
    },
    registry_config: "config://chargepoint-minimal.csv",
  });
  const { stdout, stderr } = await cli(["plan", "--config", site.config]);
  expect(stderr).toMatch(/all\.json: its set of stations is not counted/);
  expect(stdout).toContain("20 stations");
});
