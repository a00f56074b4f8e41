import type { Bus } from "../bus.ts";
import { type Clock, withDeadline } from "./clock.ts";
import type { Sheds } from "./commands.ts";
import type { Device } from "./device.ts";
import type { Hold, Holds } from "./holds.ts";
import type { Notices } from "./notices.ts";

interface Parts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly holds: Holds;
  readonly bus: Bus;
  readonly notices: Notices;
  readonly clock: Clock;
}

interface Foreign {
  readonly texts: readonly string[];
  readonly seenAt: Date;
}

const DEADLINE_MS = 30_000;

/**
 * What stands in the devices. After a device's first good scrape, what is held since the last run is compared with what the
 * device shows: what is gone is forgotten, what somebody else put there is told, and looked at with each scrape until
 * it is gone. Nothing is ever written for it.
 */
export class StandingSheds {
  readonly #parts: Parts;
  readonly #foreign = new Map<string, Foreign>();
  readonly #compared = new Set<string>();
  readonly #underWay = new Set<string>();
  readonly #stopping = new AbortController();
  #restored: ReadonlySet<Hold> = new Set();
  #ends: (() => void)[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Once the holds of the last run are taken up. */
  start(): void {
    const { holds, bus } = this.#parts;
    this.#restored = new Set(holds.all());
    this.#ends = [
      bus.on("scrape", ({ device }) => this.#scraped(device.path)),
      bus.on("membership", ({ device, change }) => {
        if (change !== "added") this.#forget(device.path);
      }),
    ];
  }

  stop(): void {
    this.#stopping.abort(new Error("the bridge is stopping"));
    for (const end of this.#ends.splice(0)) end();
  }

  list(): Sheds {
    const held = this.#parts.holds.all().map((hold) => ({
      device: hold.device,
      point: hold.point,
      value: hold.value,
      requester: hold.requester,
      since: isoTime(hold.since ?? hold.setAt),
      endsAt: isoTime(hold.endsAt),
      leaseSeconds: hold.leaseSeconds ?? null,
      renewals: hold.renewals ?? 0,
    }));
    const others = [...this.#foreign].flatMap(([device, { texts, seenAt }]) =>
      texts.map((text) => ({ device, text, seenAt: seenAt.toISOString() })),
    );
    return { held, others };
  }

  #forget(path: string): void {
    this.#foreign.delete(path);
    this.#compared.delete(path);
  }

  #scraped(path: string): void {
    if (this.#underWay.has(path) || (this.#compared.has(path) && !this.#foreign.has(path))) return;
    const device = this.#parts.devices.get(path);
    if (!device?.driver.compareHolds) return;
    this.#underWay.add(path);
    // What cannot be read now is compared after the next scrape.
    void this.#compare(device)
      .catch(() => undefined)
      .finally(() => this.#underWay.delete(path));
  }

  async #compare({ info: { path }, driver }: Device): Promise<void> {
    const { holds, clock } = this.#parts;
    const held = holds.all().filter(({ device }) => device === path);
    const { signal } = this.#stopping;
    const what = `comparing the set points of ${path}`;
    const found = await withDeadline({ clock, ms: DEADLINE_MS, signal, what }, (inner) =>
      driver.compareHolds!(held, inner),
    );
    const gone = this.#compared.has(path)
      ? []
      : held.filter((hold) => found.gone.includes(hold.key) && this.#restored.has(hold));
    for (const hold of gone) this.#giveUp(hold);
    this.#compared.add(path);
    // What was written here in this run may not show yet.
    const own = new Set(holds.all().flatMap(({ device, key }) => (device === path ? [key] : [])));
    const texts = found.foreign.filter(({ key }) => !own.has(key)).map(({ text }) => text);
    this.#report(path, texts);
  }

  #giveUp(hold: Hold): void {
    const { holds, notices } = this.#parts;
    if (!holds.isCurrent(hold)) return;
    holds.forget(hold);
    notices.say(
      "warning",
      "hold_gone",
      `the set point ${hold.device}/${hold.point} = ${JSON.stringify(hold.value)} of ${hold.requester}, held since ${isoTime(hold.since ?? hold.setAt)}, ` +
        "is not in force any more: it was ended or replaced while the bridge was not running, and is forgotten",
      hold.device,
    );
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
        `${added.join("; ")}: not by this bridge, and left as it is`,
        path,
      );
  }
}

function isoTime(ms: number): string;
function isoTime(ms: number | undefined): string | null;
function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
