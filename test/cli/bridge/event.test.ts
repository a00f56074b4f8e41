import { expect, test } from "vitest";
import { type SimulatorOptions, SteppedClock, startSimulator } from "../../../src/simulator/index.ts";
import { endings } from "../../helpers/endings.ts";
import { freePort } from "../../helpers/mosquitto.ts";
import { Site } from "../../helpers/site.ts";
import { cli, RunningCli } from "../in-process.ts";

async function station(options: SimulatorOptions = {}) {
  const clock = new SteppedClock(new Date().toISOString());
  const simulator = await startSimulator({
    stations: 2,
    traffic: false,
    incidents: false,
    clock,
    ...options,
  });
  endings.push(() => simulator.close());
  const port = await freePort();
  const { endpoint, stationIDs } = simulator;
  const { username, password } = options.accounts?.[0] ?? simulator;
  const site = new Site({
    ...{ endpoint, username, password, stationIDs },
    bridge: { mqtt: { embedded: { port } }, actuator: { confirm_timeout: 1 } },
  });
  endings.push(() => site.remove());
  const ask = (...args: string[]) => cli([...args, "--url", `mqtt://127.0.0.1:${port}`]);
  const run = async (...args: string[]) => {
    const bridge = new RunningCli(["run", "--config", site.config, ...args]);
    endings.push(() => bridge.stop());
    await bridge.printed(/connected to/);
    return bridge;
  };
  const sent = () => simulator.calls.filter(({ operation }) => /LoadShedEvent/.test(operation));
  return { simulator, clock, site, ask, run, sent };
}

const START = new Date(Date.now() + 600_000).toISOString();
const LIMIT = ["--start", START, "--minutes", "30", "--kw", "3"];

test("an event is planned, acts on the loads, is listed across a restart, and is on record", async () => {
  const { simulator, clock, site, ask, run, sent } = await station();
  simulator.world.plugIn(simulator.stationIDs[0]!, "1", { kw: 6, needKwh: 60 });
  const bridge = await run();
  expect((await ask("event", "list")).stdout).toBe("no events are planned\n");
  const unsure = await ask("event", "create", "site/s1", ...LIMIT);
  expect([unsure.code, sent().length]).toEqual([2, 0]);
  expect(unsure.stderr).toContain("add --yes");
  const created = await ask(
    "event",
    "create",
    "site/s1",
    ...LIMIT,
    "--no-opt-out",
    "--yes",
    "--requester",
    "utility",
  );
  expect(created.stdout).toMatch(/\n50001 +site\/s1 +\S+ +\S+ +3 kW a port +may not opt out +utility\n/);
  await bridge.stop();
  const again = await run();
  const listed = JSON.parse((await ask("event", "list", "--json")).stdout);
  expect(listed).toMatchObject([{ id: "50001", device: "site/s1", kw: 3, requester: "utility" }]);
  clock.advance(601);
  expect((await ask("get", "site/s1/portLoad_1")).stdout).toBe("3\n");
  const late = await ask("event", "remove", "50001", "--yes");
  expect([late.code, late.stderr]).toEqual([1, expect.stringContaining("106")]);
  await again.stop();
  const audit = JSON.parse((await cli(["audit", "site/s1", "--config", site.config, "--json"])).stdout);
  expect(audit).toMatchObject([
    {
      action: "create_event",
      requester: "utility",
      via: "rpc",
      status: "accepted",
      code: "100",
      readBack: "50001",
    },
    { action: "remove_event", requester: "cli", requested: { id: "50001" }, status: "failed", code: "106" },
  ]);
});

test("an event that has not begun can be removed; refusals of the bridge and of the service have their reason", async () => {
  const { ask, run, sent } = await station();
  const bridge = await run();
  const create = (...more: string[]) => ask("event", "create", "site/s1", "--yes", ...more);
  await create(...LIMIT);
  expect(
    (await create("--start", START, "--minutes", "5", "--percent", "50", "--group", "20003", "--json")).code,
  ).toBe(0);
  expect((await ask("event", "remove", "50001", "--yes")).stdout).toMatch(
    /\n50002 +group 20003 .* 50 % less/,
  );
  expect((await ask("event", "remove", "50001", "--yes")).stderr).toContain("has planned no event 50001");
  const before = sent().length;
  expect((await create("--start", "2026-01-01T00:00:00Z", "--minutes", "5", "--kw", "1")).stderr).toContain(
    "WriteRefusedError: an event must begin in the future",
  );
  for (const past of ["-1h", "now -1.5h"])
    expect((await create("--start", past, "--minutes", "5", "--kw", "1")).stderr).toContain(
      "an event must begin in the future",
    );
  expect((await create("--start", "tomorrow", "--minutes", "5", "--kw", "1")).code).toBe(2);
  expect((await create("--start", START, "--minutes", "5")).code).toBe(2);
  expect((await ask("event", "create", "site/s9", ...LIMIT, "--yes")).stderr).toContain(
    "DeviceNotFoundError",
  );
  expect(sent()).toHaveLength(before);
  expect((await create("--start", START, "--minutes", "5", "--kw", "99")).stderr).toContain(
    "ApiError: createLoadShedEvent: code 177",
  );
  await bridge.stop();
  await run("--read-only");
  expect((await create(...LIMIT)).stderr).toContain("ReadOnlyBridgeError");
});

test("an account without demand response is refused by the service, with its reason", async () => {
  const { ask, run } = await station({ accounts: [{ username: "u", password: "p", plan: "enterprise" }] });
  await run();
  const created = await ask("event", "create", "site/s1", ...LIMIT, "--yes");
  expect([created.code, created.stderr]).toEqual([1, expect.stringMatching(/code 101/)]);
  expect((await ask("event", "list")).stdout).toBe("no events are planned\n");
});
