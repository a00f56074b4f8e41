import type { Account } from "../account/account.ts";
import type { LoadAnswer } from "../account/answers.ts";
import { clearShedState } from "../api/operations/clear-shed-state.ts";
import { shedLoad } from "../api/operations/shed-load.ts";
import type { Limit, Target } from "./own-limits.ts";

/** A limit to apply: its target, value and duration. */
export interface ShedOrder {
  readonly target: Target;
  readonly limit: Limit;
  /** `timeInterval`, in minutes; 0 = until cleared. */
  readonly minutes: number;
  readonly signal: AbortSignal;
}

export interface ServiceAnswer {
  readonly code: string | null;
  readonly text: string | null;
}

export type PortLoad = LoadAnswer["Port"][number];

/** The calls for the sheds of one station (guide §5.1 to §5.3), each sent once. */
export class ShedCalls {
  readonly stationID: string;
  readonly #account: Account;

  constructor(account: Account, stationID: string) {
    this.#account = account;
    this.stationID = stationID;
  }

  async shed({ target, limit: { mode, value }, minutes, signal }: ShedOrder): Promise<ServiceAnswer> {
    const { stationID } = this;
    const shedStation =
      target === undefined
        ? { stationID, [`${mode}PerStation`]: value }
        : { stationID, Ports: { Port: [{ portNumber: target, [`${mode}PerPort`]: value }] } };
    const request = { shedQuery: { shedStation, timeInterval: minutes } };
    return answered(await this.#account.write(shedLoad, request, stationID, signal));
  }

  async clear(target: Target, signal: AbortSignal): Promise<ServiceAnswer> {
    const { stationID } = this;
    const ports = target === undefined ? {} : { Ports: { Port: [{ portNumber: target }] } };
    const request = { shedQuery: { shedStation: { stationID, ...ports } } };
    return answered(await this.#account.write(clearShedState, request, stationID, signal));
  }

  /** Reads the station's load, bypassing every cache. */
  load(signal: AbortSignal): Promise<LoadAnswer> {
    this.#account.forget(this.stationID);
    return this.#account.read("load", this.stationID, { maxAgeSeconds: 0, signal });
  }

  async ports(signal: AbortSignal): Promise<readonly PortLoad[]> {
    return (await this.load(signal)).Port;
  }
}

function answered(response: { responseCode: string | null; responseText: string | null }): ServiceAnswer {
  return { code: response.responseCode, text: response.responseText };
}
