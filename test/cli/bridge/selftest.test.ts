import { expect, test } from "vitest";
import { broker, endings } from "../../helpers/endings.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

function configFor(url: string): string {
  const place = new Workplace({
    "configs/bridge.json": { instance: "desk", mqtt: { url } },
    "configs/devices/lab/one.json": { driver_type: "fake", registry_config: "config://fake.csv" },
    "registry/fake.csv":
      "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\n" +
      "load,constant(3.6),FakeRegister,1,float,kW,,FALSE,\n",
  });
  endings.push(() => place.remove());
  return place.at("configs/bridge.json");
}

test.skipIf(!mosquittoInstalled)(
  "a broker that allows everything: 0, and what could not be seen",
  async () => {
    const { url } = await broker();
    const { code, stdout } = await cli(["selftest", "--config", configFor(url), "--json"]);
    expect(code).toBe(0);
    const checks = JSON.parse(stdout) as { check: string; outcome: string; text: string }[];
    expect(Object.fromEntries(checks.map(({ check, outcome }) => [check, outcome]))).toEqual({
      ...{
        connect: "ok",
        version: "ok",
        get: "ok",
        set: "ok",
        revert_point: "ok",
        revert_device: "ok",
        state_set: "ok",
      },
      ...{
        own_topics: "ok",
        message_size: "ok",
        sessions: "ok",
        bridge: "unknown",
        device_topics: "unknown",
      },
    });
    expect(checks.find(({ check }) => check === "message_size")?.text).toContain("lab/one");
  },
);

test.skipIf(!mosquittoInstalled)("T9: commands that will never arrive: 1, and what to do", async () => {
  const acl = ["topic readwrite voltbridge/#", "topic write devices/#", "topic read devices/actuators/get/#"];
  const { url } = await broker({ acl });
  const { code, stdout, stderr } = await cli(["selftest", "--config", configFor(url), "--timeout", "0.3"]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^get +ok /m);
  expect(stdout).toMatch(/^set +failed .*give its user the right to read devices\/actuators\/set\/#/m);
  expect(stderr).toMatch(/\d of \d+ checks failed/);
});

test("no broker: 1, with its address and the reason", async () => {
  const { code, stdout } = await cli(["selftest", "--config", configFor("mqtt://127.0.0.1:1")]);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^connect +failed +cannot connect to mqtt:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*check mqtt\.url/m,
  );
});
