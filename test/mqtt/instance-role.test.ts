import { afterEach, beforeEach, expect, test } from "vitest";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { TcpProxy } from "../helpers/tcp-proxy.ts";
import { connected, PATH, type Rig, startRig, until } from "./rig.ts";

const SET = `devices/actuators/set/${PATH}/allowedLoad`;

let broker: Mosquitto;
let proxy: TcpProxy;
let ear: Recorder;
let rigs: Rig[];

beforeEach(async (context) => {
  if (!mosquittoInstalled) return context.skip();
  broker = await Mosquitto.run();
  proxy = await TcpProxy.before(broker.port);
  ear = await Recorder.connect(broker.url, {});
  rigs = [];
});
afterEach(async () => {
  for (const { mqtt } of rigs ?? []) await mqtt.stop();
  await ear?.close();
  await proxy?.close();
  await broker?.dispose();
});

async function start(url: string): Promise<Rig> {
  const rig = await startRig({ url });
  rigs.push(rig);
  await rig.mqtt.role.decided;
  return rig;
}
const sets = ({ commands }: Rig) => commands.calls.filter(({ verb }) => verb === "set").length;

test("E28: a broker that is away keeps no bridge from acting; when it comes, the one that started later yields", async () => {
  proxy.refusing = true;
  const first = await start(`mqtt://127.0.0.1:${proxy.port}`);
  const second = await start(`mqtt://127.0.0.1:${proxy.port}`);
  expect([first, second].map(({ mqtt }) => mqtt.role.isActive)).toEqual([true, true]);
  const roles: boolean[] = [];
  second.mqtt.role.onChange((isActive) => roles.push(isActive));
  proxy.heal();
  await until(() => roles.length > 0, "the second yields");
  expect(roles).toEqual([false]);
  await connected(first.mqtt);
  await ear.send(SET, "5");
  await ear.find(`devices/actuators/value/${PATH}/allowedLoad`);
  expect([sets(first), sets(second)]).toEqual([1, 0]);
  expect(first.mqtt.role.isActive).toBe(true);
});

test("E28: an ask that claims to be in charge stops nobody, and each of many twins is not an event", async () => {
  const first = await start(broker.url);
  await connected(first.mqtt);
  const claim = { startedAt: 0, forcedAt: 4e12, state: "active", host: "ghost", pid: 1 };
  for (let n = 0; n < 200; n++) {
    const from = { ...claim, id: `ghost-${n}` };
    await ear.send("voltbridge/bridge-1/owner/ask", JSON.stringify({ ask: `n${n}`, from }));
  }
  for (const text of ["", "{", "[]", "null", '{"ask":"x"}', '{"answer":1,"from":{"id":"a\\u001b"}}'])
    for (const kind of ["ask", "answer"]) await ear.send(`voltbridge/bridge-1/owner/${kind}`, text);
  await ear.send(SET, "5");
  await ear.find(`devices/actuators/value/${PATH}/allowedLoad`);
  expect(first.mqtt.role.isActive).toBe(true);
  expect(first.log.filter((line) => line.includes("instance name")).length).toBeLessThan(11);
  // One question and at most 50 answers a second for all of these.
  expect(ear.on("voltbridge/bridge-1/owner/answer").length).toBeLessThan(150);
});
