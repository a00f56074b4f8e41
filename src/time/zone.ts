const DAY = 86_400_000;

/** What a zone's clocks show in a day of UTC: one offset, or two with the time of the change. */
type Offsets = number | { readonly before: number; readonly at: number; readonly after: number };

/** The clocks of a time zone. Times and offsets in whole milliseconds; a local time is what the clocks show, as if it were UTC. */
export class Zone {
  /** Absent for UTC: most questions need no other zone, and Intl takes milliseconds to start. */
  readonly #format: Intl.DateTimeFormat | undefined;
  /** By days since 1970 UTC: a question to Intl takes microseconds. */
  readonly #days = new Map<number, Offsets>();

  /**
   * `name`: of the IANA database.
   * @throws {RangeError} for an unknown name.
   */
  constructor(name: string) {
    if (name === "UTC") return;
    this.#format = new Intl.DateTimeFormat("en-US", {
      ...{ timeZone: name, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric" },
      ...{ hour: "numeric", minute: "numeric", second: "numeric" },
    });
  }

  /** Name as the database spells it. */
  get name(): string {
    return this.#format?.resolvedOptions().timeZone ?? "UTC";
  }

  /** Returns local time minus UTC. */
  offset(time: number): number {
    if (!this.#format) return 0;
    const day = Math.floor(time / DAY);
    let offsets = this.#days.get(day);
    if (offsets === undefined) {
      offsets = this.#offsetsOf(day * DAY, (day + 1) * DAY);
      this.#days.set(day, offsets);
    }
    if (typeof offsets === "number") return offsets;
    return time < offsets.at ? offsets.before : offsets.after;
  }

  /**
   * Returns the time at which the clocks first show a local time. Where they never do, because they are set forward past it, the time
   * of that change.
   */
  first(local: number): number {
    // No clock is a day ahead of UTC or behind it, and no two changes are within two days.
    const before = this.offset(local - DAY);
    const after = this.offset(local + DAY);
    const early = local - before;
    if (before === after || this.offset(early) === before) return early;
    const late = local - after;
    return this.offset(late) === after ? late : this.#change(late, early);
  }

  /** Returns the times from `from` (exclusive) up to `to` (inclusive) at which the clocks are set. */
  changes(from: number, to: number): number[] {
    const changes: number[] = [];
    for (let day = Math.floor(from / DAY); this.#format && day * DAY <= to; day++) {
      this.offset(day * DAY);
      const offsets = this.#days.get(day)!;
      if (typeof offsets === "object" && offsets.at > from && offsets.at <= to) changes.push(offsets.at);
    }
    return changes;
  }

  #offsetsOf(start: number, end: number): Offsets {
    const before = this.#ask(start);
    const after = this.#ask(end);
    return before === after ? before : { before, at: this.#change(start, end), after };
  }

  /** Returns the time of the one change after `from`, up to `to`. Changes come at whole seconds. */
  #change(from: number, to: number): number {
    const before = this.#ask(from);
    let low = from;
    for (let high = to; ; ) {
      const middle = low + Math.floor((high - low) / 2000) * 1000;
      if (middle === low) return high;
      if (this.#ask(middle) === before) low = middle;
      else high = middle;
    }
  }

  #ask(time: number): number {
    const parts = new Map(this.#format!.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const [year, month, day] = [parts.get("year")!, parts.get("month")!, parts.get("day")!];
    const [hour, minute, second] = [parts.get("hour")!, parts.get("minute")!, parts.get("second")!];
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000;
  }
}
