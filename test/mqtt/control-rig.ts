import { type RigOptions, rig } from "../devices/rig.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { connected, startRig } from "./rig.ts";

export const LINKS = [
  { name: "Mosquitto, MQTT 5", protocolVersion: 5, broker: "mosquitto" },
  { name: "Mosquitto, MQTT 3.1.1", protocolVersion: 4, broker: "mosquitto" },
  { name: "embedded broker", protocolVersion: 5, broker: "embedded" },
] as const;

export type LinkKind = (typeof LINKS)[number];

export function unavailable(link: LinkKind): boolean {
  return link.broker === "mosquitto" && !mosquittoInstalled;
}

/**
 * Scripted devices behind a broker: everything of a bridge but its scrapes, on a clock that the test moves. `before` runs
 * when there is a broker, but no bridge yet (not with the embedded one).
 */
export async function startControl(
  link: LinkKind,
  {
    before,
    requester,
    answers = "bridge",
    ...options
  }: RigOptions & {
    before?: (ear: Recorder) => Promise<void>;
    requester?: "message" | "topic";
    answers?: "bridge" | "volttron";
  } = {},
) {
  const { protocolVersion } = link;
  const site = rig({ paths: ["site/s1", "site/s2"], ...options });
  const mosquitto = link.broker === "mosquitto" ? await Mosquitto.run() : undefined;
  const early = mosquitto && (await Recorder.connect(mosquitto.url, { protocolVersion }));
  if (early) await before?.(early);
  const { mqtt } = await startRig(
    {
      answers,
      ...(mosquitto
        ? { url: mosquitto.url, protocolVersion }
        : { embedded: { host: "127.0.0.1", port: 0 }, protocolVersion }),
    },
    {
      bus: site.bus,
      devices: site.devices.byPath,
      commands: site.commands,
      control: site.devices.control,
      ...(requester && { requester }),
      now: () => new Date(site.clock.now()),
    },
  );
  site.devices.start();
  await connected(mqtt);
  const ear = early ?? (await Recorder.connect(mqtt.url, { protocolVersion }));
  // What is due at this moment happens; no time passes.
  const pump = setInterval(() => void site.clock.advance(0), 5);
  return {
    ...site,
    mqtt,
    ear,
    async stop() {
      clearInterval(pump);
      await ear.close();
      await mqtt.stop();
      await site.devices.stop();
      await mosquitto?.dispose();
    },
  };
}
