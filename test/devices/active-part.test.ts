import { expect, test } from "vitest";
import { rig } from "./rig.ts";

const LEASE_S = 600;

test("E28: passive, it renews nothing and refuses every write; active again, it goes on where it was", async () => {
  const { devices, commands, command, within, clock, station } = rig({ paths: ["site/s1"] });
  const s1 = station("site/s1");
  s1.leaseSeconds = LEASE_S;
  devices.start({ active: false });
  const set = () => within(0, commands.set("site/s1", "limit", 5, command()));
  expect(await set()).toMatchObject({ status: "refused", error: "ReadOnlyBridgeError" });
  devices.activate();
  expect(await set()).toMatchObject({ status: "confirmed" });
  const renewals = () => s1.writes.length - 1;
  await clock.advance((LEASE_S / 2) * 1000 + 1000);
  expect(renewals()).toBe(1);
  devices.passivate();
  const scrapes = s1.calls.filter((call) => call === "scrape").length;
  await clock.advance((LEASE_S / 2) * 1000 + 1000);
  expect(renewals()).toBe(1);
  expect(s1.calls.filter((call) => call === "scrape").length).toBeGreaterThan(scrapes);
  expect(await set()).toMatchObject({ status: "refused", error: "ReadOnlyBridgeError" });
  devices.activate();
  await clock.advance(1000);
  expect(renewals()).toBe(2);
});

test("E21: a controller that goes away while the bridge stops keeps nothing waiting", async () => {
  const { devices, commands, command, within, clock } = rig({ actuator: { controllerGraceSeconds: 3 } });
  devices.start();
  await within(0, commands.set("site/s1", "limit", 5, command({ requester: "ems" })));
  await devices.stop();
  devices.control.controllers!.heard("ems", "offline");
  await clock.advance(4000);
  expect(clock.waiting).toBe(0);
});
