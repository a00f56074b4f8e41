import { ChargePointClient } from "../../src/drivers/chargepoint/api/index.ts";
import type { SessionAccount } from "../../src/sessions/index.ts";
import {
  type Simulator,
  type SimulatorOptions,
  SteppedClock,
  startSimulator,
} from "../../src/simulator/index.ts";

export const START = Date.UTC(2026, 9, 24, 12);

/** A simulated site with a past, whose time stands still, and an account at it. */
export interface Simulated {
  readonly simulator: Simulator;
  readonly clock: SteppedClock;
  readonly account: SessionAccount;
  close(): Promise<void>;
}

export async function simulated(
  options: SimulatorOptions = {},
  credentials?: { readonly username: string; readonly password: string },
): Promise<Simulated> {
  const clock = new SteppedClock(START);
  const simulator = await startSimulator({ clock, stations: 12, historyHours: 48, ...options });
  const { username, password } = credentials ?? simulator;
  const { endpoint } = simulator;
  const client = new ChargePointClient({ endpoint, username, password, retries: 0 });
  return {
    simulator,
    clock,
    account: { key: "account1", label: "account 1", client },
    async close() {
      await client.close();
      await simulator.close();
    },
  };
}
