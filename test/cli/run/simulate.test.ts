import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { RunningVoltbridge } from "../../helpers/voltbridge.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

test("simulate prints one line of JSON, answers the credentials that it prints, and ends with 0 on TERM", async () => {
  const simulator = new RunningVoltbridge(["simulate", "--port", "0", "--stations", "12"]);
  onTestFinished(() => void simulator.stop("SIGKILL"));
  await simulator.printed(/\}\n/);
  const { endpoint, username, password, stations } = JSON.parse(simulator.stdout);
  expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/webservices\/chargepoint\/services\/5\.1$/);
  expect(stations).toHaveLength(10);
  expect(username).not.toBe(password);

  const place = new Workplace({
    "one.json": {
      driver_type: "chargepoint",
      driver_config: { stationID: stations[0], username, password, endpoint },
      registry_config: "one.csv",
    },
    "one.csv":
      "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\nid,stationID,StationRegister,,string,,,FALSE,\n",
  });
  const { stdout } = await cli(["scrape", place.at("one.json"), "--json"]);
  expect(JSON.parse(stdout).values).toEqual({ id: stations[0] });
  place.remove();

  expect(await simulator.stop("SIGTERM")).toBe(0);
  expect(simulator.stdout.split("\n")).toHaveLength(2);
  expect(simulator.stderr).not.toContain(password);
});

test("--start takes a time relative to now", async () => {
  const running = new RunningCli(["simulate", "--port", "0", "--stations", "3", "--start", "-1.5h"]);
  await running.printed(/"endpoint".*\}\n/);
  const { endpoint } = JSON.parse(running.stdout);
  const world = await (await fetch(new URL("/control/world", endpoint))).json();
  const lag = Date.now() - Date.parse((world as { now: string }).now);
  expect(Math.abs(lag - 1.5 * 3_600_000)).toBeLessThan(60_000);
  await running.stop();
  const noTime = await cli(["simulate", "--start", "yesterday"]);
  expect(noTime).toMatchObject({ code: 2, stderr: expect.stringContaining("2026-11-21T08:00:00Z") });
});

test("the same seed gives the same stations; credentials are the ones that are given", async () => {
  const start = async () => {
    const args = [
      "simulate",
      "--port",
      "0",
      "--stations",
      "3",
      "--seed",
      "7",
      "--username",
      "key",
      "--password",
      "word",
    ];
    const running = new RunningCli(args);
    await running.printed(/endpoint/);
    const { stdout } = await running.stop();
    return JSON.parse(stdout);
  };
  const { endpoint: _, ...first } = await start();
  expect(first).toEqual({
    username: "key",
    password: "word",
    stations: ["1:100001", "1:100002", "1:100003"],
  });
  expect(await start()).toMatchObject(first);
});

test("a port that is taken: 1, and what to do", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const { code, stdout, stderr } = await cli(["simulate", "--port", String(port), "--stations", "1"]);
  server.close();
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE.*--port`));
});
