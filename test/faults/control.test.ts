import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { hasFaketime } from "../helpers/faketime.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { noSmallDisk } from "../queue/small-disk.ts";
import { Judge, nameOf, verdictOf } from "./control/judge.ts";
import { Random } from "./control/random.ts";
import { Requests } from "./control/requests.ts";
import { CONFIRM_SECONDS, ControlSite, DEVICES, GRACE_SECONDS, INTERVAL_SECONDS } from "./control/site.ts";
import { Troubles } from "./control/troubles.ts";
import { controlMinutes } from "./scale.ts";

const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 1_000_000));
/** Where everything that was found is written to; some of it is printed where this is absent. */
const report = process.env.FAULTS_REPORT;
/** Between two looks at what is in force and what is listed. */
const ROUND_MS = 90_000;
/** What ends by itself does so within this after the last trouble. */
const LASTING_MS = 40_000;
/** What ends by itself has ended so much after its time. */
const END_GRACE_MS = 8000;
/** A command is answered within this, or the judge looks at why. */
const ANSWER_MS = 45_000;
/** That a limit is gone takes a second reading, 5 s after the first. */
const SECOND_READING_MS = 6000;
/** One that has ended by itself, while the bridge's clock says otherwise, is seen to be gone by two scrapes and that reading. */
const SEEN_GONE_MS = 2 * INTERVAL_SECONDS * 1000 + SECOND_READING_MS;
const MOST_SHOWN = 12;

describe.skipIf(!mosquittoInstalled || !hasFaketime() || noSmallDisk !== undefined)("set points", () => {
  let site: ControlSite | undefined;
  afterEach(() => site?.end());

  test("E33: random trouble and random commands: what is in force is listed, what is listed is in force, every shed ends, no unintended write, no untrue answer", {
    timeout: (controlMinutes * 2 + 10) * 60_000,
  }, async () => {
    const again = `FAULTS_SEED=${seed} FAULTS_CONTROL_MINUTES=${controlMinutes}`;
    process.stdout.write(`seed ${seed}, ${controlMinutes} minutes (again: ${again})\n`);
    site = await ControlSite.start();
    const run = new Run(site);
    await run.begin();
    const end = Date.now() + controlMinutes * 60_000;
    try {
      while (Date.now() < end) await run.round(Math.min(Date.now() + ROUND_MS, end), end);
      await run.finish();
    } catch (error) {
      // What was found until then is worth to be seen.
      run.wrong.push(`broken off: ${(error as Error).stack}`);
    }
    const findings = run.findings();
    const table = run.table();
    if (report === undefined)
      for (const finding of findings.slice(0, MOST_SHOWN)) process.stdout.write(`\n${finding}\n`);
    else writeFileSync(report, [table, ...findings].join("\n\n"));
    process.stdout.write(`\n${table}\n`);
    // Their first lines; the timelines were shown above.
    expect(findings.map((finding) => finding.split("\n")[0])).toEqual([]);
  });
});

class Run {
  readonly #site: ControlSite;
  readonly #requests: Requests;
  readonly #troubles: Troubles;
  readonly #pace = new Random(seed + 100);
  /** Differences of what is in force, what is listed and what should have ended. */
  readonly wrong: string[] = [];

  constructor(site: ControlSite) {
    this.#site = site;
    this.#requests = new Requests(site, new Random(seed));
    this.#troubles = new Troubles(site, this.#requests, seed + 1);
  }

  async begin(): Promise<void> {
    await this.#site.startBridge();
    await this.#requests.start();
    await this.#site.scraped(1);
  }

  /** Trouble and commands at once, then a calm in which what is listed must be what is in force. */
  async round(until: number, end: number): Promise<void> {
    await Promise.all([this.#troubles.rage(until), this.#ask(until, end), this.#read(until)]);
    await this.#settle();
    const differences = await compare(this.#site, this.#judge());
    // What has ended by itself a moment ago may not be seen yet: what differs still does at a second look.
    if (differences.length > 0) {
      await delay(SEEN_GONE_MS);
      await this.#site.readLog();
      this.wrong.push(...(await compare(this.#site, this.#judge())));
    }
  }

  /** What has a time of its own ends by itself; the rest is held until it is reverted. */
  async finish(): Promise<void> {
    const site = this.#site;
    const ends = this.#requests.asked.map(({ sentAt, minutes = 0 }) => sentAt.at(-1)! + minutes * 60_000);
    await delay(Math.max(0, Math.max(...ends) + END_GRACE_MS - Date.now()));
    await site.readLog();
    this.wrong.push(...(await overdue(site, this.#judge())));
    await this.#requests.clearOverrides();
    for (const device of DEVICES)
      await this.#requests.command({
        ...{ action: "revert device", device, port: undefined, requester: "operator" },
      });
    await this.#settle();
    for (const { device, port, ...limit } of await site.inForce())
      this.wrong.push(`${device} port ${port} is at ${nameOf(limit)} after everything was reverted`);
    for (const { device, port = "station", ...limit } of (await site.listed()).held)
      this.wrong.push(`${device} ${port} is listed at ${nameOf(limit)} after everything was reverted`);
  }

  /** What is wrong, the first line in a sentence and the rest a timeline. */
  findings(): string[] {
    return [
      ...this.wrong,
      ...this.#judge().findings.map(({ kind, text, timeline }) => `${kind}: ${text}\n${timeline}`),
      ...this.#requests.stoppedByDisk.map((text) => `stopped by its own disk: ${text}`),
      ...this.#site.failedStarts.map((text) => `not started: ${text}`),
    ];
  }

  table(): string {
    const judge = this.#judge();
    const answers: Record<string, number> = {};
    for (const asked of this.#requests.asked) {
      const status = verdictOf(asked)?.status ?? "no answer";
      answers[status] = (answers[status] ?? 0) + 1;
    }
    const found = (kind: string) => judge.findings.filter((one) => one.kind === kind).length;
    const listing = (counts: Readonly<Record<string, number>>) =>
      Object.entries(counts)
        .sort(([, one], [, other]) => other - one)
        .map(([what, count]) => `${count} ${what}`)
        .join(", ");
    const stopped = found("stopped by its own disk") + this.#requests.stoppedByDisk.length;
    return [
      `seed                ${seed}`,
      `commands            ${this.#requests.asked.length}: ${listing(this.#requests.counts)}`,
      `answers             ${listing(answers)}`,
      `troubles            ${listing(this.#troubles.counts)}`,
      `calls               ${this.#site.proxy.calls}, of which ${judge.changes} changed a limit: ${listing(judge.explained)}`,
      `unintended writes   ${found("unintended write")}`,
      `untrue answers      ${found("untrue answer")}`,
      `unknown, not lost   ${found("unknown without a lost answer")}`,
      `never answered      ${found("no answer")}`,
      `stopped by its disk ${stopped}; not started ${this.#site.failedStarts.length}`,
      `listed and in force ${this.wrong.length === 0 ? "the same, and every shed ended" : `${this.wrong.length} differences`}`,
    ].join("\n");
  }

  async #ask(until: number, end: number): Promise<void> {
    while (Date.now() < until) {
      // Who asks while no bridge runs hears nothing: some do, to see that nothing comes of it later.
      if (this.#site.runs || this.#pace.chance(0.15))
        await this.#requests.send(Math.floor((end + LASTING_MS - Date.now()) / 60_000));
      await delay(this.#pace.between(80, 500));
    }
  }

  async #read(until: number): Promise<void> {
    while (Date.now() < until) {
      await this.#site.readLog();
      await delay(1000);
    }
  }

  /** With no trouble any more: until every command is answered, and what is unknown can be known. */
  async #settle(): Promise<void> {
    const site = this.#site;
    await site.scraped(1);
    // What was asked of an earlier life may never be answered.
    const { from } = site.lives.at(-1)!;
    const deadline = Date.now() + ANSWER_MS;
    while (this.#requests.unanswered(from + 1000).length > 0 && Date.now() < deadline) await delay(200);
    await delay((CONFIRM_SECONDS + 1) * 1000 + SECOND_READING_MS);
    await site.scraped(2);
    await delay(INTERVAL_SECONDS * 1000);
    await site.readLog();
  }

  #judge(): Judge {
    const { acts, proxy, lives } = this.#site;
    const { asked, overridden, absences, said } = this.#requests;
    return new Judge({
      ...{ acts, exchanges: proxy.exchanges, resets: proxy.resets, lives, late: this.#troubles.late },
      ...{ asked, overridden, absences, said },
      ...{ graceSeconds: GRACE_SECONDS, confirmSeconds: CONFIRM_SECONDS },
      leaseMinutes: (stationID) => this.#site.leaseMinutes(stationID),
    });
  }
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
    if (ended && !ended.endedBy && now - ended.to < SEEN_GONE_MS) continue;
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
      `${device} port ${port} is still at ${nameOf(limit)}, which ${asked.id} of ${asked.requester} asked for ${asked.minutes} min at ${new Date(asked.sentAt[0]).toISOString()}\n${judge.timeline(asked.stationID, act!.at - 5000, now)}`,
    ];
  });
}
