import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cli, RunningCli } from "../../cli/in-process.ts";
import { freePort } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { Site } from "../../helpers/site.ts";

const example = join(import.meta.dirname, "../../../examples/econnect/devices");
const registry = join(import.meta.dirname, "../../../registry/econnect.csv");

/** The output of `simulate --econnect`. */
interface Printed {
  readonly endpoint: string;
  readonly businessPartner: string;
  readonly username: string;
  readonly password: string;
  readonly stations: readonly string[];
}

let simulator: RunningCli;
let printed: Printed;
let env: Record<string, string>;
let site: Site;
let url: string;

beforeAll(async () => {
  simulator = new RunningCli(["simulate", "--econnect", "--port", "0", "--stations", "120"]);
  await simulator.printed(/\}\n/);
  printed = JSON.parse(simulator.stdout) as Printed;
  env = {
    ECONNECT_ENDPOINT: printed.endpoint,
    ECONNECT_BUSINESS_PARTNER: printed.businessPartner,
    ECONNECT_USERNAME: printed.username,
    ECONNECT_PASSWORD: printed.password,
  };
  const port = await freePort();
  url = `mqtt://127.0.0.1:${port}`;
  site = new Site({ ...printed, stationIDs: [], bridge: { mqtt: { embedded: { port } } } });
  cpSync(example, join(site.folder, "configs/devices"), { recursive: true });
  cpSync(registry, join(site.folder, "registry/econnect.csv"));
  site.write("configs/devices/site/one.json", {
    driver_type: "econnect",
    driver_config: {
      endpoint: printed.endpoint,
      business_partner: printed.businessPartner,
      username: printed.username,
      password: printed.password,
      station: printed.stations[0],
    },
    registry_config: "config://econnect.csv",
    interval: 1,
  });
});
afterAll(async () => {
  await simulator?.stop();
  site?.remove();
});

test("the shipped example: every station of the business partner is a device, published, stored, and read-only", async () => {
  const bridge = new RunningCli(["run", "--config", site.config], env);
  let recorder: Recorder | undefined;
  try {
    await bridge.printed(/running devices=/);
    recorder = await Recorder.connect(url);
    const { text: scrape } = await recorder.find("devices/site/one/all");
    const [values, meta] = JSON.parse(scrape) as [Record<string, unknown>, Record<string, unknown>];
    expect(Object.keys(values).sort()).toEqual(["installDate", "modelInfo", "state", "type"]);
    expect(meta).toMatchObject({ state: { type: "string" } });
    expect(scrape).not.toContain("Caretaker");

    const set = await cli(["set", "site/one/state", "operational", "--url", url]);
    expect(set.code).toBe(1);
    expect(set.stderr + set.stdout).toMatch(/cannot be written/);

    // The set of the example: all 120, by type.
    await bridge.printed(/has 120 devices/);
    await expect
      .poll(async () => {
        const { stdout } = await cli(["history", "topics", "cpo/*", "--config", site.config]);
        return new Set(stdout.match(/cpo\/[AD]C\/CS-\d{6}/g) ?? []).size;
      })
      .toBe(120);
    const { stdout } = await cli(["history", "query", "site/one/state", "--config", site.config, "--json"]);
    expect(stdout).toContain(String(values.state));
  } finally {
    await recorder?.close();
    expect(await bridge.stop()).toMatchObject({ code: 0 });
  }
});

test("scrape, check and plan know the type", async () => {
  const { stdout, code } = await cli(["scrape", "site/one", "--config", site.config, "--json"]);
  expect(code).toBe(0);
  expect(Object.keys((JSON.parse(stdout) as { values: object }).values)).toContain("modelInfo");
  expect(await cli(["check", registry, "--driver", "econnect"])).toMatchObject({ code: 0 });
  const plan = await cli(["plan", "--config", site.config], env);
  expect(plan.stdout).toMatch(/chargingstations +2 +900 s/);
  expect(plan.stdout).not.toContain("limit");
  expect(plan.stdout).not.toContain(printed.password);
});

test("simulate --econnect rejects ChargePoint's options", async () => {
  const { code, stderr } = await cli(["simulate", "--econnect", "--speed", "2"]);
  expect(code).toBe(2);
  expect(stderr).toContain("--speed");
  expect((await cli(["simulate", "--business-partner", "1"])).code).toBe(2);
});
