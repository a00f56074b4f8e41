import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { Workplace } from "../cli/workplace.ts";
import { flood } from "./command-flood.ts";
import { Mosquitto } from "./mosquitto.ts";
import { Recorder } from "./mqtt-recorder.ts";
import { RunningVoltbridge } from "./voltbridge.ts";

const ALL = "devices/site/s1/all";
const REGISTRY = [
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes",
  "limit,memory(16),FakeRegister,,float,,,TRUE,",
  "wave,counter,FakeRegister,,integer,,,FALSE,",
].join("\n");

/** What a bridge did while it was flooded with commands that it refuses. */
export interface FloodReport {
  readonly sent: number;
  /** How long each get took that was asked meanwhile, in milliseconds. */
  readonly getsMs: readonly number[];
  /** Seconds between the scrapes of a device that is due every second. */
  readonly gapsSeconds: readonly number[];
  /** Refusals that a subscriber heard of. */
  readonly answers: number;
  /** Rows of the audit at the point, with how many refusals each stands for. */
  readonly audit: readonly { readonly count?: number }[];
  readonly logLines: number;
  /** Resident memory, MB. */
  readonly memory: { readonly before: number; readonly most: number; readonly after: number };
}

/** A bridge in a process of its own, with Mosquitto and a historian, flooded for some seconds. */
export async function floodedBridge(perSecond: number, seconds: number): Promise<FloodReport> {
  await using stack = new AsyncDisposableStack();
  const broker = stack.adopt(await Mosquitto.run(), (one) => one.dispose());
  const place = stack.adopt(
    new Workplace({
      "bridge.json": { data: "data", registries: ".", mqtt: { url: broker.url } },
      "r.csv": REGISTRY,
      "devices/site/s1.json": { driver_type: "fake", registry_config: "config://r.csv", interval: 1 },
    }),
    (one) => one.remove(),
  );
  const run = ["run", "--config", place.at("bridge.json")];
  const bridge = stack.adopt(new RunningVoltbridge(run), async (one) => void (await one.stop("SIGKILL")));
  // It takes commands once it knows that no other bridge has its name.
  await bridge.printed(/running devices=/);
  const hear = async (...filters: string[]) => {
    const ear = await Recorder.connect(broker.url, { protocolVersion: 5 }, filters[0]);
    await ear.client.subscribeAsync(filters, { qos: 1 });
    return stack.adopt(ear, (one) => one.close());
  };
  const ear = await hear(ALL, "devices/actuators/value/site/s1/#");
  const refusals = await hear("devices/actuators/error/site/s1/wave");
  const megabytes = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${bridge.pid}/status`, "utf8"))?.[1]) / 1024;
  const get = async () => {
    const [from, begun] = [ear.messages.length, performance.now()];
    await ear.send("devices/actuators/get/site/s1/limit", "{}");
    await ear.find("devices/actuators/value/site/s1/limit", undefined, from, 30_000);
    return performance.now() - begun;
  };
  await get();
  await ear.find(ALL);
  const [before, linesBefore] = [megabytes(), bridge.stderr.split("\n").length];
  let most = before;
  let over = false;
  const topic = "devices/actuators/set/site/s1/wave";
  const payload = '{"value":1,"requester":"mallory"}';
  const flooding = flood({ url: broker.url, topic, payload, perSecond, seconds }).finally(() => {
    over = true;
  });
  const getsMs: number[] = [];
  while (!over) {
    getsMs.push(await get());
    most = Math.max(most, megabytes());
    await delay(200);
  }
  const sent = await flooding;
  await get();
  const times = ear.on(ALL).map(({ text }) => Date.parse(JSON.parse(text)[2].TimeStamp));
  const after = megabytes();
  await bridge.stop();
  const db = new DatabaseSync(place.at("data/historian.sqlite"), { readOnly: true });
  const rows = db.prepare("SELECT value FROM history WHERE topic = ? ORDER BY time");
  const audit = rows.all("actuators/write/site/s1/wave").map(({ value }) => JSON.parse(String(value)));
  db.close();
  return {
    ...{ sent, getsMs, audit, answers: refusals.messages.length },
    gapsSeconds: times.slice(1).map((time, i) => (time - times[i]!) / 1000),
    logLines: bridge.stderr.split("\n").length - linesBefore,
    memory: { before, most, after },
  };
}
