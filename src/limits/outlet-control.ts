import { randomUUID } from "node:crypto";
import type { Command, CommandResult, Commands, LimitedOutlet } from "../devices/commands.ts";
import type { Notices } from "../log/notices.ts";
import type { PointValue } from "../points/index.ts";
import { type Backoff, backoff } from "../time/backoff.ts";
import type { Clock } from "../time/clock.ts";
import { isBusy, mayDrawKw, type Outlet, observe } from "./outlet.ts";
import type { OwnLimits } from "./own-limits.ts";
import { read, type Source } from "./sources.ts";
import { kwText } from "./words.ts";

export interface OutletControlParts {
  readonly group: string;
  readonly source: Source;
  readonly nominalKw: number;
  readonly minimumKw: number;
  readonly commands: Commands;
  readonly own: OwnLimits;
  readonly clock: Clock;
  readonly notices: Notices;
}

const STALE_INTERVALS = 3;
const RETRY_MS: Backoff = { first: 30_000, longest: 600_000 };
/** Time for which the worse of both is assumed after a write with unknown outcome, in milliseconds. */
const UNKNOWN_MS = 300_000;

/** An outlet with its device: updates it by readings, writes its limit, and keeps track of the limits that may be in force. */
export class OutletControl {
  readonly outlet: Outlet;
  /** Replaced by an equal one when its device is changed. */
  source: Source;
  /** Why the last write failed. */
  trouble: string | undefined;
  /** Whether a write is being sent. */
  writing = false;
  /** On the monotonic clock. */
  #readAt: number | undefined;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  readonly #parts: OutletControlParts;

  constructor(parts: OutletControlParts) {
    const { source, nominalKw, clock } = parts;
    this.#parts = parts;
    this.source = source;
    this.outlet = { id: source.id, nominalKw, turnSince: clock.monotonic() };
  }

  get wasRead(): boolean {
    return this.#readAt !== undefined;
  }

  /** Whether a limit of this controller may be in force here. */
  get isHeld(): boolean {
    return this.#parts.own.has(this.source.id);
  }

  scraped(values: ReadonlyMap<string, PointValue>, at: number): void {
    const { own, minimumKw, nominalKw } = this.#parts;
    const { outlet, source } = this;
    const settled = !this.writing && at >= this.#answeredAt;
    const reading = read(source, values, at);
    this.#readAt = at;
    observe(outlet, { nominalKw, ...reading }, minimumKw, settled);
    const { limitKw } = reading;
    if (!settled || limitKw === undefined || outlet.askedKw !== undefined) return;
    if (limitKw !== null && own.isOwn(source.id, limitKw)) return;
    // It ended, or belongs to another program. One below its share is left alone, as if the port could give no more.
    if (own.has(source.id))
      this.#parts.notices.say(
        "warning",
        "limit_gone",
        `${this.#parts.group}: the limit of ${source.id} was ended or replaced elsewhere; the group is balanced again`,
        source.device.path,
      );
    own.forget(source.id);
    if (limitKw !== null) outlet.nominalKw = Math.max(limitKw, outlet.loadKw ?? 0);
  }

  /** Called when its limit ended unexpectedly. */
  limitLost(): void {
    delete this.outlet.inForceKw;
  }

  /** Drops what was read or sent too long ago. */
  age(now: number): void {
    const { outlet, source } = this;
    const staleMs = STALE_INTERVALS * source.device.intervalSeconds * 1000;
    if (this.#readAt === undefined || now - this.#readAt > staleMs) delete outlet.loadKw;
    if (outlet.askedKw === undefined || this.writing || now - (outlet.askedAt ?? 0) < UNKNOWN_MS) return;
    outlet.inForceKw = mayDrawKw(outlet);
    delete outlet.askedKw;
  }

  /** Writes a limit; full power removes it. Resolves when it was answered. */
  async write(kw: number): Promise<void> {
    const { commands, clock, own, group } = this.#parts;
    const { outlet, source } = this;
    const free = kw >= outlet.nominalKw;
    this.writing = true;
    outlet.askedKw = kw;
    const command: Command = {
      id: randomUUID(),
      requester: `limit:${group}`,
      via: "limit",
      sentAt: new Date(clock.now()),
    };
    // Stored before it is sent: after a crash it is recognised as the controller's own.
    if (!free) own.set(source.id, group, kw);
    const result = free
      ? await commands.revertPoint(source.device.path, source.limit, command)
      : await commands.set(source.device.path, source.limit, kw, command);
    this.#answered(kw, free, result);
  }

  #answered(kw: number, free: boolean, { status, text, error }: CommandResult): void {
    const { clock, own, group } = this.#parts;
    const { outlet, source } = this;
    const now = clock.monotonic();
    this.writing = false;
    this.#answeredAt = now;
    outlet.askedAt = now;
    // Accepted, but not seen in a scrape yet; until then it counts as the larger of both.
    if (status === "accepted" || status === "unconfirmed") return;
    if (status === "confirmed") {
      this.#failures = 0;
      this.trouble = undefined;
      outlet.loadIsOld = true;
      delete outlet.askedKw;
      if (free) delete outlet.inForceKw;
      else outlet.inForceKw = kw;
      if (free) own.forget(source.id);
      return;
    }
    if (status === "failed") outlet.inForceKw = mayDrawKw(outlet);
    delete outlet.askedKw;
    outlet.blockedUntil = now + backoff(RETRY_MS, ++this.#failures);
    this.trouble = `${error ? `${error}: ` : ""}${text ?? status}`;
    const what = free ? "could not be cleared of its limit" : `could not be limited to ${kwText(kw)}`;
    const counted = `it counts with ${kwText(mayDrawKw(outlet))}, and is retried`;
    this.#parts.notices.say(
      "warning",
      "limit_not_set",
      `${group}: ${source.id} ${what}; ${counted}: ${this.trouble}`,
      source.device.path,
    );
  }

  describe(): LimitedOutlet {
    const { loadKw, nominalKw, inForceKw } = this.outlet;
    return {
      device: this.source.device.path,
      point: this.source.limit,
      state: this.#state(),
      loadKw: loadKw ?? null,
      limitKw: inForceKw ?? null,
      nominalKw,
      ...(this.trouble !== undefined && { trouble: this.trouble }),
    };
  }

  #state(): LimitedOutlet["state"] {
    const { loadKw, nominalKw } = this.outlet;
    if (loadKw === undefined) return "unknown";
    if (!isBusy(this.outlet)) return "idle";
    return mayDrawKw(this.outlet) < Math.min(this.#parts.minimumKw, nominalKw) ? "waiting" : "charging";
  }
}
