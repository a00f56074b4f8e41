import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { MailServerDouble } from "../helpers/mail-server.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { AlertsRig } from "./rig.ts";

const MINUTE = 60_000;

let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function open(port: number): AlertsRig {
  const rig = new AlertsRig({
    alerts: {
      rules: {
        away: { when: "station_unreachable", for: 60, to: ["operators"] },
        faults: { when: "station_alarm", severity: "critical", to: ["operators"] },
      },
      targets: { operators: { type: "mail", to: ["ann@example.com", "bob@example.com"] } },
    },
    mail: { host: "127.0.0.1", port, tls: "none", from: "bridge@example.com" },
  });
  closing = [...closing, () => rig.alerts.stop()];
  return rig;
}

async function within(rig: AlertsRig, holds: () => void): Promise<void> {
  await eventually(
    async () => {
      await rig.clock.advance(1000);
      holds();
    },
    10_000,
    10,
  );
}

describe("alerts by mail", () => {
  test("A60: what begins and ends within a minute is one mail that people can read", async () => {
    const server = new MailServerDouble();
    const port = await server.listen();
    closing.push(() => server.close());
    const rig = open(port);
    rig.become("offline", 1, 2);
    await rig.clock.advance(2 * MINUTE);
    rig.alarm("raised", 3, "Over Current");
    await within(rig, () => expect(server.received).toHaveLength(1));
    const { to, source } = server.received[0]!;
    const text = source.replaceAll("=\r\n", "");
    expect(to).toEqual(["ann@example.com", "bob@example.com"]);
    expect(source).toMatch(/^Subject: \[test\] critical: 2 alerts: 2 raised\r$/m);
    expect(text).toMatch(/^WARNING 2 stations are unreachable: campus\/garage\/s1/m);
    expect(text).toMatch(/^CRITICAL 1 station alarm: campus\/garage\/s3/m);
    rig.become("online", 1, 2);
    await rig.clock.advance(2 * MINUTE);
    await within(rig, () => expect(server.received).toHaveLength(2));
    expect(server.received[1]?.source).toMatch(/^Subject: \[test\] Cleared: 2 stations are unreachable/m);
  });

  test("a server that is away is reported once, and gets what waited", async () => {
    const port = await freePort();
    const rig = open(port);
    rig.alarm("raised", 1, "Over Current");
    await rig.clock.advance(MINUTE + 5000);
    await within(rig, () => expect(rig.notices.at(-1)?.kind).toBe("alert_target_failing"));
    expect(rig.notices.at(-1)?.text).toMatch(
      /target operators .*connection refused.*mail\.host and mail\.port/,
    );
    const server = new MailServerDouble();
    await server.listen(port);
    closing.push(() => server.close());
    await within(rig, () => expect(server.received).toHaveLength(1));
    expect(rig.alerts.counters?.targets.operators).toMatchObject({ waiting: 0, sent: 1 });
  });
});
