import type { CallLog } from "../calls.ts";
import type { WorldClock } from "../clock.ts";
import type { Known } from "../trouble/rules.ts";
import type { Trouble } from "../trouble/trouble.ts";
import type { World } from "../world/world.ts";

/** The controllable parts. */
export interface Controlled {
  readonly world: World;
  readonly clock: WorldClock;
  readonly trouble: Trouble;
  readonly calls: CallLog;
  readonly known: Known;
}

/** A request below `/control`: JSON in, JSON out. */
export interface ControlRequest {
  readonly method: string;
  /** The path after the part's name. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

/** Answers the requests of one part. @throws HttpRefusal, TroubleRulesError */
export type Part = (controlled: Controlled, request: ControlRequest) => unknown;
