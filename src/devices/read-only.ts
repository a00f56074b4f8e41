import type { Notices } from "../log/notices.ts";
import type { Device } from "./device.ts";
import type { DeadMan } from "./holding/dead-man.ts";
import type { LimitBook } from "./holding/limit-book.ts";
import type { LimitKeeper } from "./holding/limit-keeper.ts";
import type { LimitWatch } from "./holding/limit-watch.ts";
import type { Schedule } from "./schedule/index.ts";
import type { Heartbeat } from "./scraping/heartbeat.ts";
import type { Actuator } from "./writing/actuator.ts";

interface Parts {
  /** By its settings: it never writes. */
  readonly readOnly: boolean;
  readonly devices: ReadonlyMap<string, Device>;
  readonly actuator: Actuator;
  readonly book: LimitBook;
  readonly keeper: LimitKeeper;
  readonly schedule: Schedule;
  readonly watch: LimitWatch;
  readonly deadMan: DeadMan | undefined;
  readonly heartbeat: Heartbeat;
  readonly notices: Notices;
}

/** What runs only while the bridge is in charge of its instance name. Before, and after, it only reads. */
export class ActivePart {
  readonly #parts: Parts;
  #isRunning = false;
  #isPassive = false;
  #wasActive = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get mayWrite(): boolean {
    return !this.#isPassive && !this.#parts.readOnly;
  }

  /** Takes up what is held, and renews, ends and reverts it from now on. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#isPassive = false;
    const { readOnly, devices, actuator, book, keeper, watch, schedule, deadMan, heartbeat, notices } =
      this.#parts;
    schedule.start();
    keeper.start(devices, readOnly ? undefined : actuator);
    if (!this.#wasActive) {
      actuator.settle();
      watch.start();
    }
    this.#wasActive = true;
    deadMan?.start();
    if (readOnly) sayReadOnly(book, notices);
    else heartbeat.start();
  }

  /** {@link stop}, and no write from now on. */
  passivate(): void {
    this.#isPassive = true;
    this.stop();
  }

  /** What is held stays in the store for the next start, and ends at the devices by itself meanwhile. */
  stop(): void {
    this.#isRunning = false;
    const { keeper, schedule, deadMan, heartbeat } = this.#parts;
    heartbeat.stop();
    deadMan?.stop();
    keeper.stop();
    schedule.stop();
  }
}

/** Reports, when a read-only bridge starts, which limits are still in force. */
function sayReadOnly(book: LimitBook, notices: Notices): void {
  const held = book.standing();
  const endless = held.filter(({ endsAt }) => endsAt === undefined).length;
  const ends = Math.max(0, ...held.map(({ endsAt }) => endsAt ?? 0));
  const left =
    held.length === endless
      ? ""
      : `; ${held.length - endless} set points held from before are not renewed and end by themselves, the last at ${new Date(ends).toISOString()}`;
  const stay =
    endless === 0 ? "" : `; ${endless} held from before have no end and stand until somebody clears them`;
  notices.say("warning", "read_only", `the bridge is read-only: it writes to no device${left}${stay}`);
}
