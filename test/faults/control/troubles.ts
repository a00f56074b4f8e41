import { setTimeout as delay } from "node:timers/promises";
import type { CallTrouble } from "../../helpers/soap-proxy.ts";
import { LONGEST_LATE_MS, type Span } from "./judge.ts";
import { Random } from "./random.ts";
import { CONTROLLERS, type Requests } from "./requests.ts";
import { type ControlSite, DEVICES } from "./site.ts";

/** Kinds of trouble, each on its own beside the others. */
const KINDS = ["service", "disk", "process", "clock", "portal", "controllers", "twin"] as const;
type Kind = (typeof KINDS)[number];

const chosen = process.env.FAULTS_CONTROL_TROUBLES?.split(",") ?? KINDS;
const unknown = chosen.filter((kind) => !(KINDS as readonly string[]).includes(kind));
if (unknown.length > 0)
  throw new Error(
    `FAULTS_CONTROL_TROUBLES: there is no trouble ${unknown.join(", ")}; there are ${KINDS.join(", ")}`,
  );

/** Answers that are lost, one after the other, among calls that fare well. */
const LOST = ["lost", "cut", "silent", "gateway", "dropped"] as const;
/** What every call meets for some seconds. */
const OUTAGES = { refuse: 2, hang: 2, unavailable: 2, "too many": 2, fault: 2, delay: 2, lost: 1 };

/** Random trouble of every kind until it is told to stop. Each kind goes on by itself, beside the others. */
export class Troubles {
  readonly counts: Record<string, number> = {};
  /** Times in which the service showed changes late. */
  readonly late: Span[] = [];
  readonly #site: ControlSite;
  readonly #requests: Requests;
  /** One for each kind, so that what one draws does not hang on how fast the others are. */
  readonly #randoms: Readonly<Record<Kind | "calls", Random>>;
  #until = 0;
  #turn = Promise.resolve();

  constructor(site: ControlSite, requests: Requests, seed: number) {
    this.#site = site;
    this.#requests = requests;
    this.#randoms = {
      service: new Random(seed),
      calls: new Random(seed + 1),
      disk: new Random(seed + 2),
      process: new Random(seed + 3),
      clock: new Random(seed + 4),
      portal: new Random(seed + 5),
      controllers: new Random(seed + 6),
      twin: new Random(seed + 7),
    };
  }

  /** Resolves when the last one is over: everything runs again, and nothing is in its way. */
  async rage(until: number): Promise<void> {
    this.#until = until;
    const all: Readonly<Record<Kind, () => Promise<void>>> = {
      service: () => this.#service(),
      disk: () => this.#disk(),
      process: () => this.#process(),
      clock: () => this.#clock(),
      portal: () => this.#portal(),
      controllers: () => this.#controllers(),
      twin: () => this.#twin(),
    };
    await Promise.all(KINDS.filter((kind) => chosen.includes(kind)).map((kind) => all[kind]()));
    await this.#site.endTroubles();
    this.#site.disk.empty();
    for (const name of CONTROLLERS) await this.#requests.controller(name, "online");
    if (!this.#site.runs && !(await this.#site.startBridge()))
      throw new Error(`the bridge does not start: ${this.#site.failedStarts.at(-1)}`);
  }

  async #service(): Promise<void> {
    const random = this.#randoms.service;
    const { proxy } = this.#site;
    while (await this.#pause(random, 300, 2500)) {
      const what = random.weighted({ answers: 6, outage: 3, forgets: 1, late: 1 });
      if (what === "answers") await this.#loseAnswers(Math.ceil(random.between(0, 3)));
      else if (what === "forgets") {
        this.#count("the service forgets when a shed ends");
        proxy.troubleOf = (call) => (call?.operation === "shedLoad" ? { kind: "endless" } : undefined);
        await this.#last(random, 2000, 6000);
      } else if (what === "late") {
        this.#count("changes show late");
        const seconds = LONGEST_LATE_MS / 1000;
        const span = { from: Date.now(), to: Number.POSITIVE_INFINITY };
        this.late.push(span);
        await this.#site.trouble({ effect: { kind: "late", seconds }, seconds: 6 });
        await this.#last(random, 6000, 6000);
        span.to = Date.now();
      } else await this.#outage(random.weighted(OUTAGES));
      proxy.heal();
    }
  }

  /** The next calls that change something lose their answers. */
  async #loseAnswers(count: number): Promise<void> {
    const random = this.#randoms.service;
    let left = count;
    this.#site.proxy.troubleOf = (call) => {
      if (!call || left === 0) return undefined;
      left--;
      const kind = this.#randoms.calls.pick(LOST);
      this.#count(`answer: ${kind}`);
      return { kind };
    };
    const end = Date.now() + random.between(3000, 8000);
    while (left > 0 && Date.now() < Math.min(end, this.#until)) await delay(50);
    // One that is silent stays so until the caller gives up, or for a while.
    await this.#last(random, 200, 2500);
  }

  async #outage(kind: keyof typeof OUTAGES): Promise<void> {
    const random = this.#randoms.service;
    const { proxy } = this.#site;
    this.#count(`outage: ${kind}`);
    if (kind === "refuse") proxy.refuse();
    else {
      const trouble = this.#troubleOf(kind);
      // A little of the service goes on where it is slow only.
      proxy.troubleOf = () => (kind === "delay" && this.#randoms.calls.chance(0.3) ? undefined : trouble);
    }
    await this.#last(random, 1000, 8000);
  }

  #troubleOf(kind: Exclude<keyof typeof OUTAGES, "refuse">): CallTrouble {
    const random = this.#randoms.service;
    if (kind === "delay") return { kind, ms: random.between(200, 4000) };
    if (kind === "unavailable" || kind === "too many")
      return { kind, ...(random.chance(0.6) && { retryAfterSeconds: Math.ceil(random.between(0, 4)) }) };
    return { kind };
  }

  async #disk(): Promise<void> {
    const random = this.#randoms.disk;
    while (await this.#pause(random, 2000, 10_000)) {
      // Room that the bridge makes is taken by others as well, as by a log that fills the disk.
      const isTaken = random.chance(0.3);
      this.#count(isTaken ? "disk full and filled on" : "disk full");
      this.#fill();
      const end = Date.now() + random.between(3000, 15_000);
      while (Date.now() < Math.min(end, this.#until)) {
        await this.#last(random, 300, 900);
        if (isTaken && this.#site.disk.free > 0) this.#fill();
      }
      this.#site.disk.empty();
    }
  }

  #fill(): void {
    try {
      this.#site.disk.fill();
    } catch (error) {
      // The bridge took some of it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  async #process(): Promise<void> {
    const random = this.#randoms.process;
    const site = this.#site;
    while (await this.#pause(random, 5000, 18_000)) {
      const release = await this.#alone();
      const signal = random.chance(0.8) ? "SIGKILL" : "SIGTERM";
      this.#count(signal === "SIGKILL" ? "kill -9" : "TERM");
      await site.endBridge(signal);
      await this.#last(random, 0, 4000);
      if (random.chance(0.25)) {
        this.#count("clock behind at the start");
        site.setClock(-Math.round(random.between(60, 3600)));
      }
      if (await site.startBridge()) {
        release();
        continue;
      }
      // Once the disk is free it has to start; that it did not before is on record.
      this.#count("not started");
      site.disk.empty();
      if (!(await site.startBridge()))
        throw new Error(`the bridge does not start: ${site.failedStarts.at(-1)}`);
      release();
    }
  }

  /**
   * For the one of the processes that come and go: a twin that took over would set limits that are another bridge's, with
   * books of its own. Takeovers are the subject of test/e2e/twins.test.ts.
   */
  async #alone(): Promise<() => void> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    return resolve;
  }

  async #clock(): Promise<void> {
    const random = this.#randoms.clock;
    while (await this.#pause(random, 6000, 20_000)) {
      this.#count("clock step");
      this.#site.setClock(random.chance(0.3) ? 0 : Math.round(random.between(-3600, 3600)));
    }
  }

  async #portal(): Promise<void> {
    const random = this.#randoms.portal;
    while (await this.#pause(random, 6000, 25_000)) {
      const device = random.pick(DEVICES);
      const port = random.pick(["1", "2", undefined]);
      this.#count("cleared at the portal");
      await this.#site
        .clearAtPortal(device, port)
        .catch(() => this.#count("station out of reach at the portal"));
    }
  }

  async #controllers(): Promise<void> {
    const random = this.#randoms.controllers;
    while (await this.#pause(random, 8000, 30_000)) {
      const name = random.pick(CONTROLLERS);
      this.#count("controller away");
      await this.#requests.controller(name, "offline");
      await this.#last(random, 1000, 9000);
      await this.#requests.controller(name, "online");
    }
  }

  async #twin(): Promise<void> {
    const random = this.#randoms.twin;
    const say = (text: string) => this.#requests.said.push({ at: Date.now(), device: "", text });
    while (await this.#pause(random, 2000, 20_000)) {
      const release = await this.#alone();
      const how = await this.#site.startTwin();
      this.#count(/ runs$/.test(how) ? "twin" : "twin that did not run");
      say(how);
      await this.#last(random, 5000, 20_000);
      await this.#site.endTwin(random.chance(0.5) ? "SIGKILL" : "SIGTERM");
      say("the twin has ended");
      release();
    }
  }

  /** False when it is time to stop. */
  async #pause(random: Random, least: number, most: number): Promise<boolean> {
    await this.#last(random, least, most);
    return Date.now() < this.#until;
  }

  async #last(random: Random, least: number, most: number): Promise<void> {
    await delay(Math.max(0, Math.min(random.between(least, most), this.#until - Date.now())));
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}
