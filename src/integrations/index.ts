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
  sparkplug: () => import("./sparkplug/index.ts"),
};

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
    this.#turn = this.#turn.then(async () => {
      await Promise.all((Object.keys(INTEGRATIONS) as Name[]).map((name) => this.#updateOne(name)));
    });
    return this.#turn;
  }

  async #updateOne<N extends Name>(name: N): Promise<void> {
    const { notices } = this.#options;
    const settings: IntegrationSettings[N] = this.#wanted[name];
    const isWanted = this.#isActive && (settings as { enabled: boolean }).enabled;
    const running = this.#running.get(name);
    if (isWanted && running && isDeepStrictEqual(running.settings, settings)) return;
    try {
      this.#running.delete(name);
      await running?.integration.stop();
      if (!isWanted) return;
      const { integration } = await INTEGRATIONS[name]();
      this.#running.set(name, {
        settings,
        integration: await integration.start(settings, this.#partsOf(name)),
      });
    } catch (error) {
      const text = `the integration ${name} does not run: ${messageOf(error)}`;
      notices.say("error", "integration_failed", text);
    }
  }

  #partsOf(name: Name): IntegrationParts {
    const { state, log, ...parts } = this.#options;
    return { ...parts, state: state.namespace(`integration ${name}`), log: log.part(name) };
  }
}
