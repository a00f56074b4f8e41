import { createHmac } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { AlertsRig, Receiver, SECRET } from "./rig.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function receiver(): Promise<Receiver> {
  const made = await new Receiver().listen();
  closing = [...closing, () => made.close()];
  return made;
}

function open(targets: Record<string, Receiver>, rule: object = {}): AlertsRig {
  const to = Object.keys(targets);
  const settings = Object.entries(targets).map(([name, { url }]) => [
    name,
    { type: "webhook", url, secret: SECRET },
  ]);
  const rig = new AlertsRig({
    alerts: {
      rules: { faults: { when: "station_alarm", to, ...rule } },
      targets: Object.fromEntries(settings),
    },
    stations: 1200,
  });
  closing.push(() => rig.alerts.stop());
  return rig;
}

/** Lets time pass until it holds: what goes over the network takes its own. */
async function within(rig: AlertsRig, holds: () => void, stepMs = SECOND): Promise<void> {
  await eventually(
    async () => {
      await rig.clock.advance(stepMs);
      holds();
    },
    10_000,
    10,
  );
}

describe("a webhook", () => {
  test("A56: gets a signed message, as Standard Webhooks says, and its end", async () => {
    const hook = await receiver();
    const rig = open({ hook });
    rig.alarm("raised", 1, "Over Current");
    await within(rig, () => expect(hook.posted).toHaveLength(1));
    const { headers, body } = hook.posted[0]!;
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const expected = createHmac("sha256", Buffer.from(SECRET, "base64")).update(signed).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
    expect(headers["content-type"]).toBe("application/json");
    const seconds = rig.clock.now() / 1000 - Number(headers["webhook-timestamp"]);
    expect(seconds).toBeGreaterThanOrEqual(0);
    expect(seconds).toBeLessThan(600);
    expect(JSON.parse(body)).toMatchObject({
      type: "alert.raised",
      data: { bridge: "test", rule: "faults", subjects: [{ name: "campus/garage/s1" }] },
    });
    rig.alarm("cleared", 1, "Over Current");
    await within(rig, () => expect(hook.posted).toHaveLength(2));
    expect(hook.data.map(({ state }) => state)).toEqual(["raised", "cleared"]);
    expect(hook.data[1]?.id).toBe(hook.data[0]?.id);
    expect(hook.posted[1]?.headers["webhook-id"]).not.toBe(headers["webhook-id"]);
  });

  test("A57: that answers 500 for an hour gets each message later, under one id, with growing pauses; others do not wait", async () => {
    const [hook, other] = [await receiver(), await receiver()];
    const rig = open({ hook, other });
    const opensAt = rig.clock.now() + HOUR;
    hook.answer = (response) => void response.writeHead(rig.clock.now() < opensAt ? 500 : 200).end();
    rig.alarm("raised", 1, "Over Current");
    rig.alarm("raised", 2, "Over Current");
    await within(rig, () => expect(other.posted).toHaveLength(1));
    await within(
      rig,
      () => {
        expect(rig.clock.now()).toBeGreaterThan(opensAt);
        expect(rig.alerts.counters?.targets.hook).toMatchObject({ waiting: 0, sent: 1, dropped: 0 });
      },
      MINUTE,
    );
    const ids = new Set(hook.posted.map(({ headers }) => headers["webhook-id"]));
    expect(ids.size).toBe(1);
    // 5 s, twice as long each time, with jitter, at most an hour apart.
    expect(hook.posted.length).toBeGreaterThan(6);
    expect(hook.posted.length).toBeLessThan(16);
    const kinds = rig.notices.map(({ kind }) => kind).filter((kind) => kind.startsWith("alert_"));
    expect(kinds).toEqual(["alert_target_failing", "alert_target_works"]);
  });

  test("A58: that is away gets the newest thousand messages; pairs of which nothing was sent are left out", async () => {
    const hook = await receiver();
    hook.answer = (response) => void response.writeHead(503).end();
    const rig = open({ hook }, { for: 0 });
    for (let n = 1; n <= 1100; n++) {
      rig.alarm("raised", n, "Over Current");
      await rig.clock.advance(SECOND);
    }
    await within(rig, () =>
      expect(rig.alerts.counters?.targets.hook).toMatchObject({ waiting: 1000, dropped: 100 }),
    );
    for (let n = 1101; n <= 1150; n++) {
      rig.alarm("raised", n, "Over Current");
      await rig.clock.advance(SECOND);
      rig.alarm("cleared", n, "Over Current");
      await rig.clock.advance(SECOND);
    }
    // The first of the pairs took the place of the oldest; nothing of them is left.
    expect(rig.alerts.counters?.targets.hook).toMatchObject({ waiting: 999, dropped: 101, sent: 0 });
  });

  test("A59: that hangs is left after ten seconds, and waits for nobody at a stop", async () => {
    const [hook, other] = [await receiver(), await receiver()];
    hook.answer = () => {};
    const rig = open({ hook, other });
    rig.alarm("raised", 1, "Over Current");
    await within(rig, () => {
      expect(hook.posted).toHaveLength(1);
      expect(other.posted).toHaveLength(1);
    });
    await rig.clock.advance(11 * SECOND);
    expect(rig.notices.at(-1)?.text).toMatch(/alert target hook .*did not answer within 10 s/);
    await within(rig, () => expect(hook.posted).toHaveLength(2));
    await rig.alerts.stop();
    expect(rig.state.namespace("alert messages").entries()).toHaveLength(1);
  });

  test.each([
    [
      302,
      { location: "https://elsewhere.example/secret" },
      /redirects \(302\) to https:\/\/elsewhere\.example, which is not followed/,
      1,
    ],
    [403, {}, /does not take a message: .* \(403\); check the target's url and secret/, 0],
    [429, { "retry-after": "1800" }, /answered 429/, 1],
  ])("that answers %i", async (status, headers, text, waiting) => {
    const hook = await receiver();
    hook.answer = (response, nth) =>
      void (nth === 1 ? response.writeHead(status, headers) : response.writeHead(200)).end();
    const rig = open({ hook });
    rig.alarm("raised", 1, "Over Current");
    await within(rig, () => expect(rig.notices.at(-1)?.text).toMatch(text));
    expect(rig.notices.at(-1)?.text).not.toContain("/hook");
    expect(rig.alerts.counters?.targets.hook).toMatchObject({ waiting, refused: 1 - waiting });
    if (status === 403) {
      // It did not get the beginning, so it does not get the end.
      rig.alarm("cleared", 1, "Over Current");
      await within(rig, () => expect(rig.changes).toEqual(["raised faults 1", "cleared faults 1"]));
      await rig.clock.advance(MINUTE);
      expect(rig.alerts.counters?.targets.hook).toMatchObject({ waiting: 0, sent: 0 });
    }
    if (status === 429) await rig.clock.advance(29 * MINUTE);
    expect(hook.posted).toHaveLength(1);
    if (waiting === 1) await within(rig, () => expect(hook.posted).toHaveLength(2), MINUTE);
  });

  test("that was away gets what waited after a restart, under the same id", async () => {
    const hook = await receiver();
    hook.answer = (response) => void response.writeHead(500).end();
    const rig = open({ hook });
    rig.alarm("raised", 1, "Over Current");
    await within(rig, () => expect(hook.posted).toHaveLength(1));
    hook.answer = (response) => void response.writeHead(200).end();
    const alerts = {
      rules: { faults: { when: "station_alarm", to: ["hook"] } },
      targets: { hook: { type: "webhook", url: hook.url, secret: SECRET } },
    };
    const next = await rig.restarted({ alerts });
    closing.push(() => next.alerts.stop());
    await within(next, () => expect(hook.posted).toHaveLength(2));
    expect(hook.posted[1]?.headers["webhook-id"]).toBe(hook.posted[0]?.headers["webhook-id"]);
    expect(hook.posted[1]?.body).toBe(hook.posted[0]?.body);
  });
});
