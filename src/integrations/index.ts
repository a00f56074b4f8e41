// Views of the devices for other platforms: values and alarms come from the bus, messages in the platform's form go out over a
// connection of the integration's own, and its commands come in and go to the actuator.
import { isDeepStrictEqual } from "node:util";
import type { IntegrationSettings } from "../config/index.ts";
import { messageOf } from "../log/log.ts";
import type { StateStore } from "../storage/state-store.ts";
import type { Integration, IntegrationCounters, IntegrationParts, IntegrationType } from "./contract.ts";

type Name = keyof IntegrationSettings;

/** THE LIST: the modules of the integrations by their key in the config. A module is loaded when it is switched on. */
const INTEGRATIONS: {
  readonly [N in Name]: () => Promise<{ readonly integration: IntegrationType<IntegrationSettings[N]> }>;
} = {
  homeAssistant: () => import("./home-assistant/index.ts"),
  sparkplug: () => import("./sparkplug/index.ts"),
};

/** Maximum time for an integration that is switched off to remove what it published, in milliseconds. */
const WITHDRAW_MS = 30_000;

export interface IntegrationsOptions extends Omit<IntegrationParts, "state"> {
  readonly state: StateStore;
}

interface Running {
  readonly settings: unknown;
  readonly integration: Integration;
}

/** The integrations of a bridge: those that are switched on run while the bridge is in charge of its name. */
export class Integrations {
  readonly #options: IntegrationsOptions;
  readonly #running = new Map<Name, Running>();
  #wanted: IntegrationSettings;
  #isActive = false;
  #turn: Promise<void> = Promise.resolve();
  #withdrawing = new AbortController();

  constructor(settings: IntegrationSettings, options: IntegrationsOptions) {
    this.#wanted = settings;
    this.#options = options;
  }

  /** By the integration's key in the config. */
  get counters(): Readonly<Record<string, IntegrationCounters>> {
    return Object.fromEntries(
      [...this.#running].map(([name, { integration }]) => [name, integration.counters]),
    );
  }

  start(): void {
    this.#isActive = true;
    this.#update();
  }

  /** Resolves when all have stopped. */
  stop(): Promise<void> {
    this.#isActive = false;
    return this.#update();
  }

  /** Starts, stops and restarts the integrations whose settings differ. */
  change(settings: IntegrationSettings): void {
    this.#wanted = settings;
    this.#update();
  }

  /** One change after the other, so that no integration runs twice. */
  #update(): Promise<void> {
    this.#withdrawing.abort();
    this.#withdrawing = new AbortController();
    const { signal } = this.#withdrawing;
    this.#turn = this.#turn.then(async () => {
      await Promise.all((Object.keys(INTEGRATIONS) as Name[]).map((name) => this.#updateOne(name, signal)));
    });
    return this.#turn;
  }

  async #updateOne<N extends Name>(name: N, signal: AbortSignal): Promise<void> {
    const { notices } = this.#options;
    const settings: IntegrationSettings[N] = this.#wanted[name];
    const { enabled } = settings as { enabled: boolean };
    const isWanted = this.#isActive && enabled;
    const running = this.#running.get(name);
    if (isWanted && running && isDeepStrictEqual(running.settings, settings)) return;
    try {
      this.#running.delete(name);
      if (this.#isActive && !enabled) {
        await this.#withdraw(name, running?.integration, signal);
        return;
      }
      await running?.integration.stop();
      if (!isWanted) return;
      this.#running.set(name, { settings, integration: await this.#start(name) });
    } catch (error) {
      const text = `the integration ${name} does not run: ${messageOf(error)}`;
      notices.say("error", "integration_failed", text);
    }
  }

  async #start<N extends Name>(name: N): Promise<Integration> {
    const { integration } = await INTEGRATIONS[name]();
    return integration.start(this.#wanted[name], this.#partsOf(name));
  }

  /** Ends an integration that is switched off, also where it was while the bridge did not run: then it has state of an earlier run. */
  async #withdraw(name: Name, running: Integration | undefined, signal: AbortSignal): Promise<void> {
    if (!running && this.#partsOf(name).state.entries().length === 0) return;
    const integration = running ?? (await this.#start(name));
    await integration.withdraw?.(AbortSignal.any([signal, AbortSignal.timeout(WITHDRAW_MS)]));
    await integration.stop();
  }

  #partsOf(name: Name): IntegrationParts {
    const { state, log, ...parts } = this.#options;
    return { ...parts, state: state.namespace(`integration ${name}`), log: log.part(name) };
  }
}
