import { expect, test } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import { DirectSender, LossReports } from "../../../src/mqtt/broker/direct-sender.ts";
import { type Link, LinkDownError, type Message } from "../../../src/mqtt/broker/link.ts";
import { RetainedTopics } from "../../../src/mqtt/publishing/retained-topics.ts";
import { device, PATH, point } from "../rig.ts";

const GONE = device(PATH, [point("load"), point("secret", { publish: "never" })]);

function rig(retain: boolean) {
  const sent: Message[] = [];
  const link = {
    up: true as boolean,
    protocolVersion: 5 as const,
    publish: async (message: Message) => {
      if (!link.up) throw new LinkDownError("away");
      sent.push(message);
    },
    post: () => undefined,
    subscribe: () => () => undefined,
    onChange: () => () => undefined,
  } satisfies Link;
  const log = createLog({ level: "silent" });
  const sender = new DirectSender(link, log, new LossReports(log));
  const settings = { state: "both" as const, retain, baseTopic: "" };
  const others = { have: () => false };
  return {
    sent,
    link,
    retained: new RetainedTopics({
      ...{ settings, instance: "bridge-1", link, sender, others, devices: new Map(), log },
    }),
  };
}

test("what the broker keeps of a device that is gone is cleared with empty retained messages", async () => {
  const { sent, retained } = rig(true);
  retained.clearDevice(GONE);
  await Promise.resolve();
  expect(sent.every(({ payload, retain }) => payload === "" && retain)).toBe(true);
  expect(sent.map(({ topic }) => topic)).toEqual([
    `state/${PATH}/availability`,
    `voltbridge/bridge-1/availability/${PATH}`,
    `state/${PATH}`,
    `state/${PATH}/load`,
    `state/${PATH}/ends`,
    `devices/${PATH}/all`,
    "devices/all/station-1/garage/pnnl",
    `devices/${PATH}/load`,
    "devices/load/station-1/garage/pnnl",
  ]);
});

test("while the broker is away it waits; a device that came back keeps its topics", async () => {
  const { sent, link, retained } = rig(false);
  link.up = false;
  retained.clearDevice(GONE);
  link.up = true;
  retained.linkUp();
  expect(sent).toHaveLength(5);
  const again = rig(false);
  again.link.up = false;
  again.retained.clearDevice(GONE);
  again.retained.keepDevice(PATH);
  again.link.up = true;
  again.retained.linkUp();
  expect(again.sent).toEqual([]);
});
