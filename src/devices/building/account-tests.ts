import type { AbleType, AccountFinding } from "../../drivers/abilities.ts";
import { driverTypes } from "../../drivers/index.ts";
import { systemClock, withDeadline } from "../../time/clock.ts";
import { type LoadedDevice, rowChecker } from "./build.ts";

/** An account of some devices that can be tested without a running bridge. */
export interface TestableAccount {
  /** For messages. */
  readonly label: string;
  /** Address of its service. */
  readonly service: string;
  /** Resolves with what was found within the time; rejects only with the reason of `signal`. */
  test(timeoutMs: number, signal: AbortSignal): Promise<AccountFinding[]>;
}

/** Returns the accounts of the devices, each once. */
export function testableAccounts(loaded: readonly LoadedDevice[]): TestableAccount[] {
  const soundRows = rowChecker([]);
  return Object.values(driverTypes).flatMap((type) => {
    const own = loaded.filter(({ settings }) => settings.driverType === type.name);
    const { accountOf, serviceOf } = type;
    if (!accountOf || !serviceOf || !type.testAccount) return [];
    const accounts = Map.groupBy(own, ({ settings }) => accountOf(settings.driverConfig).key);
    return [...accounts.values()].map((members) => {
      const config = members[0]!.settings.driverConfig;
      return {
        label: accountOf(config).label,
        service: serviceOf(config),
        test: (timeoutMs, signal) => test(type, members, soundRows, timeoutMs, signal),
      } satisfies TestableAccount;
    });
  });
}

async function test(
  type: AbleType,
  members: readonly LoadedDevice[],
  soundRows: ReturnType<typeof rowChecker>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<AccountFinding[]> {
  const devices = members.map(({ settings: { path, driverConfig: config, intervalSeconds }, rows }) => ({
    ...{ path, config, intervalSeconds },
    rows: soundRows(type, rows),
  }));
  const found: AccountFinding[] = [];
  const deadline = { clock: systemClock, ms: timeoutMs, signal, what: "the test of the account" };
  await withDeadline(deadline, (s) => type.testAccount!(devices, (one) => found.push(one), s)).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      found.push({ outcome: "failed", text: (error as Error).message });
    },
  );
  return found;
}
