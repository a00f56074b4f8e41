import type { Account } from "../account/account.ts";
import type { StationAnswer } from "../account/answers.ts";
import type { Target } from "./own-limits.ts";

const DAY_SECONDS = 86_400;

/** Maximum power of a station and its ports, as far as getStations (guide §7.1) was read. */
export class NominalPower {
  readonly #account: Account;
  readonly #stationID: string;
  #learnt: StationAnswer | undefined;

  constructor(account: Account, stationID: string) {
    this.#account = account;
    this.#stationID = stationID;
  }

  /** Returns it in kW; undefined where it is not known without asking the service. */
  known(target: Target): number | undefined {
    return kwOf(this.#account.last("station", this.#stationID) ?? this.#learnt, target);
  }

  /** Asks the service, for a station whose registry does not read it. A failure leaves it unknown. */
  async learn(signal: AbortSignal): Promise<void> {
    const options = { maxAgeSeconds: DAY_SECONDS, signal };
    this.#learnt = await this.#account.read("station", this.#stationID, options).catch(() => undefined);
  }
}

function kwOf(answer: StationAnswer | undefined, target: Target): number | undefined {
  const ports = answer?.Port.filter((port) => target === undefined || port.portNumber === target) ?? [];
  const kw = ports.map((port) => Number(port.Power));
  if (kw.length === 0 || !kw.every((one) => one > 0)) return undefined;
  return kw.reduce((sum, one) => sum + one, 0);
}
