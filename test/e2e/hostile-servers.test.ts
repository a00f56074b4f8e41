import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startSimulator } from "../../src/simulator/index.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";

const SERVERS = 60;
/** Of the good station, every two seconds, while the others do harm. */
const SCRAPES = 5;
const TICK_MS = 20;

/** Servers that harm, in a process of their own; ended with the test. */
async function startServers(port: number): Promise<void> {
  const script = fileURLToPath(new URL("./hostile-servers.ts", import.meta.url));
  const servers = spawn(process.execPath, [script, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void servers.kill("SIGKILL"));
  await once(servers.stdout, "data");
}

/** The most memory that a process ever had, MB. */
function mostMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) / 1024;
}

/** By how much this process, which has little to do, is late at most: that is the machine's doing. */
function watchMachine(): () => number {
  let [most, last, watching] = [0, performance.now(), true];
  void (async () => {
    while (watching) {
      await sleep(TICK_MS);
      const now = performance.now();
      most = Math.max(most, now - last - TICK_MS);
      last = now;
    }
  })();
  return () => {
    watching = false;
    return most;
  };
}

test("C20: sixty hostile servers at once keep the bridge below 400 MB, and a good station's scrapes on time", async () => {
  const [port, hostilePort] = [await freePort(), await freePort()];
  const simulator = await startSimulator({ stations: 1, traffic: false, incidents: false });
  onTestFinished(() => simulator.close());
  const { endpoint, username, password, stationIDs } = simulator;
  const site = new Site({
    ...{ endpoint, username, password, stationIDs },
    bridge: { mqtt: { embedded: { port } } },
    device: { interval: 2 },
  });
  onTestFinished(() => site.remove());
  for (let nth = 0; nth < SERVERS; nth++) {
    const hostile = `http://127.0.0.1:${hostilePort}/${nth}`;
    site.write(`configs/devices/site/x${nth}.json`, {
      driver_type: "chargepoint",
      driver_config: { stationID: "1:7", username, password, endpoint: hostile },
      registry_config: "config://chargepoint-minimal.csv",
      interval: 5,
    });
  }
  const bridge = new RunningVoltbridge(["run", "--config", site.config]);
  onTestFinished(() => bridge.stop("SIGKILL").then(() => undefined));
  await bridge.printed(/running devices=61/);
  const recorder = await Recorder.connect(`mqtt://127.0.0.1:${port}`, { connectTimeout: 10_000 });
  onTestFinished(() => recorder.close());
  await startServers(hostilePort);

  const machineLate = watchMachine();
  const late: number[] = [];
  const begun = Date.now();
  while (late.length < SCRAPES) {
    const { text } = await recorder.find("devices/site/s1/all", undefined, recorder.messages.length, 30_000);
    const { TimeStamp, SynchronizedTimeStamp } = JSON.parse(text)[2] as Record<string, string>;
    const due = Date.parse(SynchronizedTimeStamp!);
    if (due >= begun) late.push(Date.parse(TimeStamp!) - due);
  }
  const memory = mostMemory(bridge.pid!);
  expect(memory).toBeLessThan(400);
  expect(Math.max(...late)).toBeLessThan(1000 + 2 * machineLate());
}, 120_000);
