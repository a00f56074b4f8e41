import type { Draft, Fields, Of, Operation } from "../../drivers/chargepoint/api/message.ts";
import type { Account } from "../accounts.ts";
import type { World } from "../world/world.ts";

/** The input of an answer. The world has caught up with the clock. */
export interface Scene {
  readonly world: World;
  /** The calling account. */
  readonly account: Account;
  /** Time for which a write of this request does not show, in seconds of the world's clock. */
  readonly lateSeconds: (stationID: string) => number;
  /** Whether clearing named ports clears the whole station, as on some networks. */
  readonly clearsWholeStation: boolean;
  /** Interval at which session data is updated; 0: always current. */
  readonly sessionRefreshSeconds: number;
}

/** Answers an operation. The response code of a success is added. @throws Refusal */
export interface Answer<Q extends Fields = Fields, A extends Fields = Fields> {
  answer(request: Of<Q>, scene: Scene): Draft<A>;
  /** Response codes for values that are not of their type, by element; without one the answer is a SOAP Fault. */
  readonly badValues?: Readonly<Record<string, string>>;
}

export type AnswerTo<O> = O extends Operation<infer Q, infer A> ? Answer<Q, A> : never;

/** The service refuses, or has no result, with one of the response codes of guide §3. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: string;
  /** In place of the code's usual text. */
  readonly text: string | undefined;

  constructor(code: string, text?: string) {
    super(text ?? `response code ${code}`);
    this.code = code;
    this.text = text;
  }
}
