import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { hasFaketime } from "../helpers/faketime.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { noSmallDisk } from "../queue/small-disk.ts";
import { type Evidence, Judge, nameOf, verdictOf } from "./control/judge.ts";
import { Random } from "./control/random.ts";
import { Requests } from "./control/requests.ts";
import { CONFIRM_SECONDS, ControlSite, DEVICES, GRACE_SECONDS, INTERVAL_SECONDS } from "./control/site.ts";
import { Troubles } from "./control/troubles.ts";
import { controlMinutes } from "./scale.ts";

const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 1_000_000));
/** Between two looks at what is in force and what is listed. */
const ROUND_MS = 90_000;
/** In which a command may set what ends by itself a minute or two later. */
const LASTING_MS = 20_000;
/** What ends by itself has ended so much after its time. */
const END_GRACE_MS = 8000;
const MOST_SHOWN = 12;

describe.skipIf(!mosquittoInstalled || !hasFaketime() || noSmallDisk !== undefined)("set points", () => {
  let site: ControlSite;
  afterEach(() => site.end());

  test("E33: random trouble and random commands: what is in force is listed, what is listed is in force, every shed ends, no unintended write, no untrue answer", {
    timeout: (controlMinutes * 2 + 10) * 60_000,
  }, async ({ annotate }) => {
    process.stdout.write(
      `seed ${seed}, ${controlMinutes} minutes (again: FAULTS_SEED=${seed} FAULTS_CONTROL_MINUTES=${controlMinutes})\n`,
    );
    site = await ControlSite.start();
    const requests = new Requests(site, new Random(seed));
    const troubles = new Troubles(site, requests, seed + 1);
    const pace = new Random(seed + 100);
    await site.startBridge();
    await requests.start();
    await site.scraped(1);

    const end = Date.now() + controlMinutes * 60_000;
    const wrong: string[] = [];
    while (Date.now() < end) {
      const begun = Date.now();
      const until = Math.min(begun + ROUND_MS, end);
      // Near the end only such as the last wait covers.
      const lasting = () => Date.now() < Math.max(end - LASTING_MS, begun + LASTING_MS);
      const asking = async () => {
        while (Date.now() < until) {
          await requests.send(lasting());
          await delay(pace.between(150, 900));
        }
      };
      const reading = async () => {
        while (Date.now() < until) {
          await site.readLog();
          await delay(1000);
        }
      };
      await Promise.all([troubles.rage(until), asking(), reading()]);
      await settle(site, requests);
      wrong.push(...(await compare(site, judged())));
    }

    // Whatever has a time of its own ends by itself; the rest is held until it is reverted.
    const sentBy = (minutes: number | undefined) => minutes !== undefined;
    const last = Math.max(
      0,
      ...requests.asked
        .filter(({ minutes }) => sentBy(minutes))
        .map((one) => one.sentAt + one.minutes! * 60_000),
    );
    await delay(Math.max(0, last + END_GRACE_MS - Date.now()));
    await site.readLog();
    wrong.push(...(await overdue(site, judged())));
    await requests.clearOverrides();
    for (const device of DEVICES)
      await requests.command({ action: "revert device", device, port: undefined, requester: "operator" });
    await settle(site, requests);
    for (const { device, port, ...limit } of await site.inForce())
      wrong.push(`${device} port ${port} is at ${nameOf(limit)} after everything was reverted`);
    wrong.push(...(await compare(site, judged())));

    const judge = judged();
    const table = tableOf(requests, troubles, judge, wrong);
    process.stdout.write(`\n${table}\n`);
    for (const { kind, text, timeline } of judge.findings.slice(0, MOST_SHOWN))
      process.stdout.write(`\n${kind}: ${text}\n${timeline}\n`);
    if (judge.findings.length > MOST_SHOWN)
      process.stdout.write(`\n… and ${judge.findings.length - MOST_SHOWN} more\n`);
    await annotate(table);
    expect({
      wrong,
      notStarted: site.failedStarts,
      findings: judge.findings.map(({ kind, text }) => `${kind}: ${text}`),
    }).toEqual({ wrong: [], notStarted: [], findings: [] });

    function judged(): Judge {
      const evidence: Evidence = {
        ...{ acts: site.acts, exchanges: site.proxy.exchanges, lives: site.lives, late: troubles.late },
        ...{
          asked: requests.asked,
          overridden: requests.overridden,
          absences: requests.absences,
          said: requests.said,
        },
        ...{ graceSeconds: GRACE_SECONDS, confirmSeconds: CONFIRM_SECONDS },
        leaseMinutes: (stationID) => site.leaseMinutes(stationID),
      };
      return new Judge(evidence);
    }
  });
});

/** With no trouble any more: until every command is answered, and what is unknown can be known. */
async function settle(site: ControlSite, requests: Requests): Promise<void> {
  await site.scraped(1);
  await eventually(() => {
    const waiting = requests.unanswered.filter(
      ({ sentAt }) => Date.now() - sentAt < 30_000 + CONFIRM_SECONDS * 1000,
    );
    const { from } = site.lives.at(-1)!;
    // Those of an earlier life may never be answered.
    expect(waiting.filter(({ sentAt }) => sentAt > from + 1000)).toEqual([]);
  }, 60_000).catch(() => undefined);
  await delay((CONFIRM_SECONDS + 1) * 1000);
  await site.scraped(2);
  await delay(INTERVAL_SECONDS * 1000);
  await site.readLog();
}

/** Limits in force at the service against those that the bridge lists. */
async function compare(site: ControlSite, judge: Judge): Promise<string[]> {
  const { held, others } = await site.listed();
  const inForce = await site.inForce();
  const time = new Date().toISOString().slice(11, 19);
  const now = Date.now();
  const wrong: string[] = [];
  const tell = (device: string, text: string) =>
    wrong.push(`${time} ${text}\n${judge.timeline(site.stationOf(device), now - 90_000, now)}`);
  for (const { device, port, ...limit } of inForce) {
    const like = held.some(
      (one) => one.device === device && (one.port ?? port) === port && isLike(one, limit),
    );
    if (like) continue;
    const stranger = others.find((one) => one.device === device && one.text.includes(`port ${port} `));
    tell(
      device,
      `${device} port ${port} is at ${nameOf(limit)} and not listed${stranger ? `, but as somebody else's: ${stranger.text}` : ""}`,
    );
  }
  for (const { device, port, requester, ...limit } of held) {
    const isThere = inForce.some(
      (one) => one.device === device && (port ?? one.port) === one.port && isLike(limit, one),
    );
    if (isThere) continue;
    const ended = judge.truth.during(site.stationOf(device), port ?? "1", 0, now).at(-1);
    const how =
      ended?.endedBy?.by === "portal"
        ? `; it was cleared at the portal ${Math.round((now - ended.to) / 1000)} s ago`
        : "";
    tell(
      device,
      `${device} ${port === undefined ? "station" : `port ${port}`} is listed at ${nameOf(limit)} for ${requester} and not in force${how}`,
    );
  }
  return wrong;
}

function isLike(
  one: { readonly mode: string; readonly value: number },
  other: { readonly mode: string; readonly value: number },
): boolean {
  // One that was listed by its state alone says nothing of its value.
  return one.mode === "shedState" || (one.mode === other.mode && Math.abs(one.value - other.value) < 0.001);
}

/** Limits that were asked for a time and outlived it. */
async function overdue(site: ControlSite, judge: Judge): Promise<string[]> {
  const now = Date.now();
  return (await site.inForce()).flatMap(({ device, port, ...limit }) => {
    const act = judge.truth.at(site.stationOf(device), port, now)?.act;
    const asked = act && judge.originOf(act);
    if (asked?.minutes === undefined || act!.at + asked.minutes * 60_000 + END_GRACE_MS > now) return [];
    return [
      `${device} port ${port} is still at ${nameOf(limit)}, which ${asked.id} of ${asked.requester} asked for ${asked.minutes} min at ${new Date(asked.sentAt).toISOString()}\n${judge.timeline(asked.stationID, act!.at - 5000, now)}`,
    ];
  });
}

function tableOf(requests: Requests, troubles: Troubles, judge: Judge, wrong: readonly string[]): string {
  const answers: Record<string, number> = {};
  for (const asked of requests.asked) {
    const status = verdictOf(asked)?.status ?? "no answer";
    answers[status] = (answers[status] ?? 0) + 1;
  }
  const found = (kind: string) => judge.findings.filter((one) => one.kind === kind).length;
  const listing = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .sort(([, one], [, other]) => other - one)
      .map(([what, count]) => `${count} ${what}`)
      .join(", ");
  return [
    `seed                ${seed}`,
    `commands            ${requests.asked.length}: ${listing(requests.counts)}`,
    `answers             ${listing(answers)}`,
    `troubles            ${listing(troubles.counts)}`,
    `limits changed      ${judge.changes}: ${listing(judge.explained)}`,
    `unintended writes   ${found("unintended write")}`,
    `untrue answers      ${found("untrue answer")}`,
    `unknown, not lost   ${found("unknown without a lost answer")}`,
    `never answered      ${found("no answer")}`,
    `listed and in force ${wrong.length === 0 ? "the same" : `${wrong.length} differences`}`,
  ].join("\n");
}
