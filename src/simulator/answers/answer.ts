import type { Draft, Fields, Of, Operation } from "../../drivers/chargepoint/api/message.ts";
import type { Account } from "../accounts.ts";
import type { World } from "../world/world.ts";

/** What an answer is made from. The world has caught up with the clock. */
export interface Scene {
  readonly world: World;
  /** Who is asking. */
  readonly account: Account;
  /** For how long, in seconds of the world's clock, what a write of this request does to a station goes unseen. */
  readonly lateSeconds: (stationID: string) => number;
  /** Clearing named ports clears the whole station, as some networks do. */
  readonly clearsWholeStation: boolean;
  /** Session data is as old as the last multiple of this; 0: always fresh. */
  readonly sessionRefreshSeconds: number;
}

/** How an operation is answered. A success needs no response code: it is added. @throws Refusal */
export interface Answer<Q extends Fields = Fields, A extends Fields = Fields> {
  answer(request: Of<Q>, scene: Scene): Draft<A>;
  /** Response codes for values that are not of their type, by element; without one they are a SOAP Fault. */
  readonly badValues?: Readonly<Record<string, string>>;
}

export type AnswerTo<O> = O extends Operation<infer Q, infer A> ? Answer<Q, A> : never;

/** The service says no, or that there is nothing, with one of the response codes of guide §3. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: string;
  /** Instead of the code's usual text. */
  readonly text: string | undefined;

  constructor(code: string, text?: string) {
    super(text ?? `response code ${code}`);
    this.code = code;
    this.text = text;
  }
}
