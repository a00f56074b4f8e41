import type { Bus } from "../../bus.ts";
import type { HoldComparison } from "../../drivers/abilities.ts";
import type { Notices } from "../../log/notices.ts";
import { type Clock, pause, withDeadline } from "../../time/clock.ts";
import { findDevice, findPoint } from "../command-checks.ts";
import type { Sheds } from "../commands.ts";
import { type Device, outcomeOf } from "../device.ts";
import { describe, type HeldLimit } from "./held-limit.ts";
import type { Entry, LimitBook } from "./limit-book.ts";

interface Parts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly book: LimitBook;
  readonly bus: Bus;
  readonly notices: Notices;
  readonly clock: Clock;
  readonly confirmTimeoutSeconds: number;
}

interface Foreign {
  readonly texts: readonly string[];
  readonly seenAt: Date;
}

/** How much of a limit is in force. */
export type InForce = "whole" | "in part" | "gone";

/**
 * Number of consecutive readings, each begun `confirm_timeout` after the last write or later, that prove that a limit is
 * gone, and the pause between them in milliseconds.
 */
export const PROOF_READINGS = 2;
export const PROOF_PAUSE_MS = 5000;
const DEADLINE_MS = 30_000;

/**
 * Checks what the devices show of the limits in the book. A cloud shows a change late, and its caches even later: a limit
 * counts as gone only after two consecutive readings, both begun `confirm_timeout` after its last write. With each scrape,
 * the limits that a device shows are compared with the book; limits not set by this bridge are reported and listed until
 * they are gone. Nothing is written here.
 */
export class LimitWatch {
  readonly #parts: Parts;
  readonly #foreign = new Map<string, Foreign>();
  readonly #comparing = new Set<string>();
  readonly #compared = new Set<string>();
  readonly #looking = new Map<Entry, Promise<InForce>>();
  /** Limits that were reported as only partly in force. */
  readonly #inPart = new WeakSet<Entry>();
  readonly #stopping = new AbortController();
  #ends: (() => void)[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(): void {
    const { bus } = this.#parts;
    this.#ends = [
      bus.on("scrape", ({ device }) => this.#scraped(device.path)),
      bus.on("membership", ({ device, change }) => {
        if (change === "added") return;
        // A changed device is compared again; what was reported of it is not reported twice.
        if (change !== "changed") this.#foreign.delete(device.path);
        this.#compared.delete(device.path);
      }),
    ];
  }

  stop(): void {
    this.#stopping.abort(new Error("the bridge is stopping"));
    for (const end of this.#ends.splice(0)) end();
  }

  list(): Sheds {
    const held = this.#parts.book.active().map((limit) => ({
      device: limit.device,
      point: limit.point,
      value: limit.value,
      requester: limit.requester,
      state: limit.state,
      since: isoTime(limit.since ?? limit.setAt),
      endsAt: isoTime(limit.endsAt),
      leaseSeconds: limit.leaseSeconds ?? null,
      renewals: limit.renewals ?? 0,
    }));
    const others = [...this.#foreign].flatMap(([device, { texts, seenAt }]) =>
      texts.map((text) => ({ device, text, seenAt: seenAt.toISOString() })),
    );
    return { held, others };
  }

  /** Returns whether a reading that begins now can prove that the limit is gone. */
  isSettled({ writtenAt }: Entry): boolean {
    const { clock, confirmTimeoutSeconds } = this.#parts;
    return clock.monotonic() >= writtenAt + confirmTimeoutSeconds * 1000;
  }

  /**
   * Returns whether the limit is in force, after as many readings as that takes; then the book contains it. One that is
   * gone stays in the book: the caller reports it. A limit only partly in force is reported once. Rejects where the device
   * cannot be read, and where it is written meanwhile.
   */
  look(entry: Entry): Promise<InForce> {
    const known = this.#looking.get(entry);
    if (known) return known;
    const looking = this.#look(entry).finally(() => this.#looking.delete(entry));
    this.#looking.set(entry, looking);
    return looking;
  }

  /** Forgets a limit that is gone although this bridge was not asked to end it, and reports it. */
  async giveUp(entry: Entry): Promise<void> {
    const { book, notices } = this.#parts;
    const { limit } = entry;
    if (book.entry(limit) !== entry) return;
    const before = await this.before(limit);
    if (book.entry(limit) !== entry) return;
    book.gone(entry, before);
    const since = isoTime(limit.since ?? limit.setAt);
    const how =
      limit.state === "unknown"
        ? `whose write at ${since} was not answered, is not in force`
        : `held since ${since}, is no longer in force: it was ended or replaced elsewhere`;
    const rest = before ? `; ${JSON.stringify(before.value)}, which was set before, still is` : "";
    notices.say(
      "warning",
      "hold_gone",
      `${describe(limit)} of ${limit.requester}, ${how}, and is not renewed${rest}`,
      limit.device,
    );
  }

  /** Returns the limit before one whose write was not answered, if it is still shown. */
  async before({ before }: HeldLimit): Promise<HeldLimit | undefined> {
    if (!before) return undefined;
    return (await this.#shown(before).catch(() => "gone")) === "whole" ? before : undefined;
  }

  async #look(entry: Entry): Promise<InForce> {
    const { book, clock, confirmTimeoutSeconds } = this.#parts;
    const { limit, writtenAt } = entry;
    const settledAt = writtenAt + confirmTimeoutSeconds * 1000;
    for (let missing = 0; ; ) {
      const begun = clock.monotonic();
      const isLate = begun >= settledAt;
      const shown = await this.#shown(limit);
      if (book.entry(limit) !== entry) throw new Error("it was written meanwhile");
      if (shown === "whole" && (isLate || !limit.clearing)) {
        book.shown(entry);
        return shown;
      }
      missing = isLate && shown !== "whole" ? missing + 1 : 0;
      if (missing === PROOF_READINGS) {
        if (shown === "in part") this.#sayInPart(entry);
        return shown;
      }
      const ms = Math.max(PROOF_PAUSE_MS, settledAt - clock.monotonic());
      await pause(clock, ms, this.#stopping.signal);
      if (book.entry(limit) !== entry) throw new Error("it was written meanwhile");
    }
  }

  async #shown({ device: path, point: name, value }: HeldLimit): Promise<InForce> {
    const device = findDevice(this.#parts.devices, path);
    const { verify } = outcomeOf(device, findPoint(device, name), value);
    const { confirmed, inPart } = await this.#read(`reading ${path}/${name}`, verify);
    if (confirmed) return "whole";
    return inPart ? "in part" : "gone";
  }

  #sayInPart(entry: Entry): void {
    const { book, notices } = this.#parts;
    const { limit } = entry;
    book.shown(entry);
    if (this.#inPart.has(entry)) return;
    this.#inPart.add(entry);
    const rest =
      limit.endsAt === undefined
        ? "the rest stays in force until it is reverted"
        : `the rest stays in force until ${isoTime(limit.endsAt)}, and is not renewed`;
    notices.say(
      "warning",
      "hold_in_part",
      `${describe(limit)} of ${limit.requester} is in force at some of the ports only: it was ended or replaced elsewhere at the others; ${rest}`,
      limit.device,
    );
  }

  #read<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#parts;
    return withDeadline({ clock, ms: DEADLINE_MS, signal: this.#stopping.signal, what }, work);
  }

  #scraped(path: string): void {
    const { book, devices } = this.#parts;
    const isCompared = this.#compared.has(path) && !this.#foreign.has(path);
    if (isCompared && !book.knows(path)) return;
    const device = devices.get(path);
    if (!device || this.#comparing.has(path)) return;
    const entries = book.entries(path);
    for (const entry of entries) if (entry.limit.state === "unknown") this.#resolve(entry);
    if ((isCompared && entries.length === 0) || !device.driver.compareHolds) return;
    this.#comparing.add(path);
    // A failed reading is repeated after the next scrape.
    void this.#compare(device)
      .catch(() => undefined)
      .finally(() => this.#comparing.delete(path));
  }

  async #compare({ info: { path }, driver }: Device): Promise<void> {
    const { book, clock, confirmTimeoutSeconds } = this.#parts;
    const held = book.active(path);
    const found: HoldComparison = await this.#read(`comparing the set points of ${path}`, (signal) =>
      driver.compareHolds!(held, signal),
    );
    for (const key of found.gone) {
      const entry = book.entry({ device: path, key });
      if (entry?.limit.state === "in_force") this.#resolve(entry);
    }
    for (const key of found.inPart ?? []) {
      const entry = book.entry({ device: path, key });
      if (entry?.limit.state === "in_force" && !this.#inPart.has(entry)) this.#resolve(entry);
    }
    this.#compared.add(path);
    // Changes made here may not show yet.
    const lately = new Set([
      ...book
        .entries(path)
        .filter((entry) => !this.isSettled(entry))
        .map(({ limit }) => limit.key),
      ...book.endedSince(path, clock.now() - confirmTimeoutSeconds * 1000),
    ]);
    const own = new Set([...lately, ...book.active(path).map(({ key }) => key)]);
    const foreign = found.foreign.filter(
      ({ key, within }) => !own.has(key) && (within === undefined || !lately.has(within)),
    );
    this.#report(
      path,
      foreign.map(({ text }) => text),
    );
  }

  /**
   * Finds out whether the limit is in force. A failed reading is repeated after the next scrape. The keeper handles limits
   * whose time is over.
   */
  #resolve(entry: Entry): void {
    if (!this.isSettled(entry) || this.#looking.has(entry)) return;
    void this.look(entry)
      .then((inForce) => (inForce === "gone" && !this.#isOver(entry) ? this.giveUp(entry) : undefined))
      .catch(() => undefined);
  }

  #isOver({ limit: { endsAt } }: Entry): boolean {
    return endsAt !== undefined && endsAt <= this.#parts.clock.now();
  }

  #report(path: string, texts: readonly string[]): void {
    const { notices, clock } = this.#parts;
    const before = this.#foreign.get(path)?.texts ?? [];
    if (texts.length === 0) this.#foreign.delete(path);
    else this.#foreign.set(path, { texts, seenAt: new Date(clock.now()) });
    const added = texts.filter((text) => !before.includes(text));
    if (added.length > 0)
      notices.say(
        "warning",
        "foreign_shed",
        `${added.join("; ")}: not set by this bridge, and left as it is`,
        path,
      );
  }
}

function isoTime(ms: number): string;
function isoTime(ms: number | undefined): string | null;
function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
