import { Bus } from "../../bus.ts";
import type { AbleService, AbleType, AccountState, DriverAccount } from "../../drivers/abilities.ts";
import type { Log } from "../../log/log.ts";
import { Notices } from "../../log/notices.ts";
import { type OutageReports, Outages } from "../../log/outages.ts";
import { StateStore } from "../../storage/state-store.ts";
import { systemClock } from "../../time/clock.ts";

/** The open driver types: each is opened for its first device and closed with the bridge. */
export class DriverServices {
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #state: StateStore;
  readonly #notices: Notices;
  readonly #outages: OutageReports;
  readonly #open = new Map<AbleType, AbleService>();

  constructor(parts: { bus: Bus; log: Log; state: StateStore; notices: Notices; outages: OutageReports }) {
    this.#bus = parts.bus;
    this.#log = parts.log;
    this.#state = parts.state;
    this.#notices = parts.notices;
    this.#outages = parts.outages;
  }

  open(type: AbleType): AbleService {
    const known = this.#open.get(type);
    if (known) return known;
    const service = type.open({
      log: this.#log.part(type.name),
      state: this.#state.namespace(`driver ${type.name}`),
      notice: (severity, kind, text, device) => this.#notices.say(severity, kind, text, device),
      outages: this.#outages,
      called: (call) => this.#bus.emit("call", { driverType: type.name, ...call }),
    });
    this.#open.set(type, service);
    return service;
  }

  /** Returns the types' own running totals. */
  counters(): Record<string, Readonly<Record<string, number>>> {
    const counters: Record<string, Readonly<Record<string, number>>> = {};
    for (const [type, service] of this.#open) counters[type.name] = service.counters?.() ?? {};
    return counters;
  }

  /** Returns the accounts of a type's devices; none where it is not open. */
  accounts(type: string): readonly DriverAccount[] {
    const [, service] = [...this.#open].find(([{ name }]) => name === type) ?? [];
    return service?.accounts?.() ?? [];
  }

  /** Returns the accounts of all types by their names, and whether their services answer. */
  accountStates(): (AccountState & { readonly driverType: string })[] {
    return [...this.#open].flatMap(([{ name: driverType }, service]) =>
      (service.accountStates?.() ?? []).map((state) => ({ driverType, ...state })),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((service) => service.close()));
  }
}

/** Opens driver types without a bridge: nothing is kept, and what they report goes to the log. Disposing of it closes them. */
export function openServices(log: Log): AsyncDisposable & { readonly services: DriverServices } {
  const state = StateStore.open(":memory:");
  const bus = new Bus(() => {});
  const notices = new Notices(bus, log, systemClock);
  const outages = new Outages({ log });
  const services = new DriverServices({ bus, log, state, notices, outages });
  return {
    services,
    async [Symbol.asyncDispose]() {
      await services.close();
      outages.stop();
      state.close();
    },
  };
}
