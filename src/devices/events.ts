import type { Bus } from "../bus.ts";
import type { EventPlan } from "../drivers/abilities.ts";
import { WriteRefusedError } from "../drivers/errors.ts";
import type { PointValue, Write } from "../points/index.ts";
import { recordOf } from "../storage/saved-record.ts";
import type { StateNamespace } from "../storage/state-store.ts";
import { type Clock, withDeadline } from "../time/clock.ts";
import { checkAge, findDevice, isDuration, MAX_MINUTES } from "./command-checks.ts";
import type { Command, Eventing, PlannedEvent } from "./commands.ts";
import type { Device } from "./device.ts";
import { answerOf } from "./writing/answers.ts";
import { permitted, type WriteFence } from "./writing/write-fence.ts";

interface Parts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly store: StateNamespace;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly maxCommandAgeSeconds: number;
  readonly fence?: WriteFence | undefined;
  /** Throws where this requester may not write to the device now. */
  readonly checkFree: (device: string, requester: string) => void;
}

const isPlanned = recordOf<PlannedEvent>({
  id: (id) => id === null || typeof id === "string",
  device: "string",
  group: "string?",
  startsAt: "string",
  endsAt: (endsAt) => typeof endsAt === "string" && !Number.isNaN(Date.parse(endsAt)),
  kw: "number?",
  percent: "number?",
  allowOptOut: "boolean",
  requester: "string",
});

const DEADLINE_MS = 30_000;
const MS_PER_MINUTE = 60_000;

/**
 * Load shed events planned by this bridge. The network carries them out itself, so the bridge need not run at their time.
 * Their ids are on disk until they are over. Each attempt is recorded like a write of the whole device.
 */
export class Events implements Eventing {
  readonly #parts: Parts;
  readonly #stopping = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopping.abort(new Error("the bridge is stopping"));
  }

  events(): PlannedEvent[] {
    const { store, clock } = this.#parts;
    const all = store.records(isPlanned).map(([id, event]) => ({ id, event }));
    for (const { id, event } of all) if (Date.parse(event.endsAt) <= clock.now()) store.set(id, null);
    return all
      .map(({ event }) => event)
      .filter(({ endsAt }) => Date.parse(endsAt) > clock.now())
      .sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt));
  }

  async createEvent(path: string, plan: EventPlan, command: Command): Promise<PlannedEvent> {
    const { startsAt, durationMinutes, allowOptOut, limit, group } = plan;
    const endsAt = new Date(startsAt.getTime() + durationMinutes * MS_PER_MINUTE);
    const what = { device: path, ...(group !== undefined && { group }), ...limit, allowOptOut };
    // Null for an invalid time, which the check rejects.
    const asked = { ...what, startsAt: startsAt.toJSON(), endsAt: endsAt.toJSON() };
    return this.#recorded("create_event", path, asked, command, async (device) => {
      checkPlan(plan, this.#parts.clock.now());
      const planned = { ...what, startsAt: startsAt.toISOString(), endsAt: endsAt.toISOString() };
      const { id, code, text } = await this.#call(path, `planning an event of ${path}`, (signal) =>
        eventsOf(device).create(plan, signal),
      );
      const event = { id: id ?? null, ...planned, requester: command.requester };
      if (id !== undefined) this.#parts.store.set(id, { ...event } as Record<string, unknown> as PointValue);
      const noId = id === undefined ? "; the service returned no id, so it cannot be removed from here" : "";
      return { result: event, answer: { code, text: `${text ?? ""}${noId}`, readBack: id ?? null } };
    });
  }

  async removeEvent(id: string, command: Command): Promise<void> {
    const event = this.events().find((one) => one.id === id);
    if (!event)
      throw new WriteRefusedError(
        `this bridge has planned no event ${id} that is not over; nothing was sent`,
      );
    const { device: path } = event;
    await this.#recorded("remove_event", path, { id }, command, async (device) => {
      const { code, text } = await this.#call(path, `removing event ${id}`, (signal) =>
        eventsOf(device).remove(id, signal),
      );
      this.#parts.store.set(id, null);
      return { result: undefined, answer: { code, text } };
    });
  }

  #call<T>(path: string, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, fence } = this.#parts;
    const { signal } = this.#stopping;
    return permitted(fence, path, signal, () => withDeadline({ clock, ms: DEADLINE_MS, signal, what }, work));
  }

  async #recorded<T>(
    action: Write["action"],
    path: string,
    requested: PointValue,
    command: Command,
    work: (device: Device) => Promise<{
      result: T;
      answer: Partial<Record<"code" | "text", string | undefined>> & { readBack?: PointValue };
    }>,
  ): Promise<T> {
    const { devices, bus, clock, checkFree, maxCommandAgeSeconds } = this.#parts;
    const device = findDevice(devices, path);
    const { id, requester, via } = command;
    const started = clock.monotonic();
    const record = (details: Partial<Write>) => {
      const write = { id, requester, via, device: device.info, action, requested };
      bus.emit("write", { ...write, at: new Date(clock.now()), ...details });
    };
    const tookMs = () => Math.round(clock.monotonic() - started);
    try {
      checkAge(command, clock.now(), maxCommandAgeSeconds);
      checkFree(path, requester);
      const { result, answer } = await work(device);
      const details = Object.entries(answer).filter(([, value]) => value !== undefined && value !== "");
      record({ status: "accepted", ...Object.fromEntries(details), tookMs: tookMs() });
      return result;
    } catch (error) {
      record({ ...answerOf(error), tookMs: tookMs() });
      throw error;
    }
  }
}

function eventsOf({ driver, info }: Device) {
  if (driver.events) return driver.events;
  throw new WriteRefusedError(
    `the network of ${info.path} (${info.driverType}) does not support load shed events`,
  );
}

function checkPlan({ startsAt, durationMinutes, limit }: EventPlan, now: number): void {
  const refuse = (text: string) => new WriteRefusedError(`${text}; nothing was sent`);
  if (!(startsAt.getTime() > now)) throw refuse("an event must begin in the future");
  if (startsAt.getTime() > now + MAX_MINUTES * MS_PER_MINUTE)
    throw refuse(`an event must begin at most a year from now, found ${startsAt.toISOString()}`);
  if (!isDuration(durationMinutes))
    throw refuse(
      `the duration of an event must be a whole number of minutes, at least 1 and at most ${MAX_MINUTES} (a year), found ${durationMinutes}`,
    );
  if ("kw" in limit ? !(limit.kw >= 0) : !(limit.percent >= 0 && limit.percent <= 100))
    throw refuse("the limit must be 0 kW or more for each port, or 0 to 100 percent of each station's load");
}
