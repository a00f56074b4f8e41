// What Home Assistant sees of the devices. Values do not pass here: they are in the state view, which the bridge publishes anyway. Home
// Assistant is told on which topics they are and what they mean (discovery), and what its users set becomes a command of the actuator.
import { randomBytes } from "node:crypto";
import type { IntegrationSettings } from "../../config/index.ts";
import { Connection } from "../../mqtt/broker/connection.ts";
import { DirectSender, LossReports } from "../../mqtt/broker/direct-sender.ts";
import type { Incoming } from "../../mqtt/broker/link.ts";
import type { Integration, IntegrationParts, IntegrationType } from "../contract.ts";
import { Discovery } from "./discovery.ts";
import { SetPoints } from "./set-points.ts";
import { commandFilter, integrationState } from "./topics.ts";

type Settings = IntegrationSettings["homeAssistant"];

/** Time after the start of Home Assistant in which everything is published again, so that several bridges do not at once. Milliseconds. */
const BIRTH_PAUSE_MS = { least: 500, most: 3000 };

export const integration: IntegrationType<Settings> = {
  start(settings, parts) {
    if (settings.enabled && parts.mqtt.state === "off")
      throw new Error(
        'Home Assistant reads values from the state view, and mqtt.state is "off"; set it to "json", or integrations.home_assistant.enabled to false',
      );
    return startHomeAssistant(settings, parts);
  },
};

function startHomeAssistant(settings: Settings, parts: IntegrationParts): Integration {
  const { address, bus, clock, instance, log, notices, topics } = parts;
  const { clientId = `${instance}-${randomBytes(6).toString("hex")}`, keepaliveSeconds } = parts.mqtt;
  const connection = new Connection({
    address,
    clientId: `${clientId}-home-assistant`,
    keepaliveSeconds,
    announces: integrationState(topics),
    log,
  });
  const reports = new LossReports(log, (text) => notices.say("warning", "message_refused", text));
  const sender = new DirectSender(connection, log, reports);
  const discovery: Discovery = new Discovery({
    ...{ settings, parts, link: connection, sender },
    statesOf: (objectId, document) => setPoints.statesOf(objectId, document),
    removed: (objectId) => setPoints.forget(objectId),
  });
  const setPoints = new SetPoints({ requester: settings.requester, parts, sender, discovery });

  let cancelBirth: (() => void) | undefined;
  const heardStatus = ({ payload, retained }: Incoming) => {
    // What was retained before the connect is no start, and everything is published after a connect anyway.
    if (retained || payload.toString() !== "online") return;
    const { least, most } = BIRTH_PAUSE_MS;
    cancelBirth ??= clock.after(least + Math.random() * (most - least), () => {
      cancelBirth = undefined;
      discovery.publishAll();
    });
  };
  connection.subscribe({ filters: [`${settings.prefix}/status`], onMessage: heardStatus });
  connection.subscribe({
    filters: [commandFilter(topics)],
    onMessage: (message) => setPoints.receive(message),
  });
  connection.onChange((up) => {
    if (!up) return;
    sender.reportAbsence();
    discovery.publishAll();
  });
  const unsubscribe = [
    bus.on("membership", (change) => discovery.noteMembership(change)),
    bus.on("scrape", (scrape) => discovery.noteScrape(scrape)),
    bus.on("energy", (energy) => discovery.noteEnergy(energy)),
  ];
  connection.start();

  return {
    get counters() {
      return {
        ...{ connected: connection.up, ...sender.counters, ...discovery.counters },
        ...setPoints.counters,
      };
    },
    withdraw: (signal) => discovery.withdraw(signal),
    async stop() {
      cancelBirth?.();
      for (const end of unsubscribe) end();
      await Promise.all([discovery.stop(), setPoints.stop()]);
      await connection.stop();
    },
  };
}
