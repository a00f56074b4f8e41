import { expect, test } from "vitest";
import type { AccountFinding } from "../../../src/drivers/abilities.ts";
import { testAccount } from "../../../src/drivers/chargepoint/account-test.ts";
import { REGIONS } from "../../../src/drivers/chargepoint/api/index.ts";
import { startSimulator } from "../../../src/simulator/index.ts";
import { endings } from "../../helpers/endings.ts";

async function service(username: string, password: string) {
  const options = { stations: 1, traffic: false, incidents: false, username, password };
  const simulator = await startSimulator(options);
  endings.push(() => simulator.close());
  return simulator;
}

test("a refused account is tried once at the other regions; the one that accepts it is named", async () => {
  const [own, other, third] = await Promise.all([
    service("licence-of-others", "secret-of-others"),
    service("licence-of-ours", "secret-of-ours"),
    service("licence-of-others", "secret-of-others"),
  ]);
  const named = { ...REGIONS, NA: own.endpoint, EU: other.endpoint, CA: third.endpoint };
  const regions = { NA: named.NA, EU: named.EU, CA: named.CA };
  const account = (password: string, region: "NA" | "EU") => ({
    path: "lab/one",
    config: { stationID: own.stationIDs[0]!, username: "licence-of-ours", password, region } as never,
    rows: [],
    intervalSeconds: 60,
  });
  const found = async (password: string): Promise<AccountFinding[]> => {
    const findings: AccountFinding[] = [];
    const { signal } = new AbortController();
    const add = (finding: AccountFinding) => findings.push(finding);
    await testAccount([account(password, "NA")], add, signal, regions);
    return findings;
  };
  expect(await found("secret-of-ours")).toEqual([
    {
      outcome: "failed",
      text: "region NA does not accept the account, and region EU does; 3 calls",
      remedy: expect.stringContaining('"region": "EU"'),
    },
  ]);
  const [wrong] = await found("wrong-word");
  expect(wrong).toMatchObject({ outcome: "failed", text: expect.stringContaining("API licence key") });
  expect([own, other, third].map(({ calls }) => calls.length)).toEqual([2, 2, 2]);
});
