import { expect, test } from "vitest";
import { defaultBridge } from "../../src/config/index.ts";
import { broker, endings } from "../helpers/endings.ts";
import { eventually } from "../helpers/eventually.ts";
import { HomeAssistant } from "../helpers/home-assistant-double.ts";
import { IntegrationRig, station } from "./rig.ts";
import { Host, shown } from "./sparkplug/rig.ts";

test("integrations are switched on, changed and switched off while the bridge runs, with the energy that is known by then", async () => {
  const { url } = await broker();
  const { homeAssistant, sparkplug } = defaultBridge().integrations;
  const rig = new IntegrationRig({}, { url });
  endings.push(() => rig.dispose());
  rig.add(station("site/a", "1:101"));
  rig.energies.push({
    stationID: "1:101",
    port: "1",
    energyKwh: 77.5,
    sessions: 4,
    at: "2026-11-30T06:00:00Z",
  });
  const platform = new HomeAssistant(url);
  await platform.start();
  endings.push(() => platform.stop());
  const host = await Host.connect(url);
  await rig.start();
  expect(host.heard).toEqual([]);
  expect(platform.discovered.size).toBe(0);

  const node = { ...sparkplug, enabled: true, group: "one" };
  rig.integrations!.change({ homeAssistant: { ...homeAssistant, enabled: true }, sparkplug: node });
  const birth = await host.find("DBIRTH");
  const energy = birth.payload.metrics.find((metric) => host.nameOf(metric) === "Port 1/Lifetime Energy")!;
  expect(shown(energy)).toBe(77.5);
  await eventually(() => {
    const topics = [...platform.discovered.values()].map(({ config }) => config.state_topic);
    expect(topics).toContain("voltbridge/main/energy/1:101/1");
  });

  // Another group: the node of before dies, and the new one is born with its devices.
  const from = host.heard.length;
  rig.integrations!.change({ ...rig.settings, sparkplug: { ...node, group: "two" } });
  await host.find("NDEATH", () => true, from);
  await host.find("NBIRTH", () => true, from);
  await host.find("DBIRTH", ({ device }) => device === "site:a", from);
  await eventually(() => expect(platform.discovered.size).toBe(0));

  const last = host.heard.length;
  rig.integrations!.change({ homeAssistant, sparkplug });
  await host.find("NDEATH", () => true, last);
  rig.scrape(7.2);
  await eventually(() => expect(rig.integrations!.counters).toEqual({}));
  expect(host.heard.slice(last).map(({ verb }) => verb)).not.toContain("DDATA");
  expect(platform.complaints).toEqual([]);
  expect(rig.notices.filter(({ severity }) => severity !== "info")).toEqual([]);
});
