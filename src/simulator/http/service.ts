import { decodeStrict } from "../../drivers/chargepoint/api/documents/decode.ts";
import { readCredentials, readExpires } from "../../drivers/chargepoint/api/documents/security.ts";
import { buildFault, type Envelope, EnvelopeError } from "../../drivers/chargepoint/api/documents/soap.ts";
import { XmlError } from "../../drivers/chargepoint/api/documents/xml.ts";
import type { Fields, Of, Operation } from "../../drivers/chargepoint/api/message.ts";
import { findOperation } from "../../drivers/chargepoint/api/operations/index.ts";
import type { Log } from "../../log/log.ts";
import type { Account, Accounts } from "../accounts.ts";
import { Refusal, type Scene } from "../answers/answer.ts";
import { wireTime } from "../answers/values.ts";
import type { Call, CallLog } from "../calls.ts";
import { changeContent, changePage } from "../trouble/content.ts";
import type { DeliveryEffect, EffectKind, Stage } from "../trouble/effect.ts";
import type { Rude } from "../trouble/instead.ts";
import type { Asked, Struck, Trouble } from "../trouble/trouble.ts";
import type { World } from "../world/world.ts";
import { answerTo, type ReadRequest } from "./answering.ts";
import { FaultError, openEnvelope } from "./envelope.ts";

export type Reply =
  | {
      readonly kind: "soap";
      readonly status: number;
      readonly document: string;
      /** How to deliver it, where not as usual. */
      readonly delivery: Struck<DeliveryEffect> | null;
      readonly call: Call | null;
    }
  | {
      readonly kind: "rude";
      readonly struck: Struck<Rude>;
      readonly operation: string;
      readonly call: Call;
    };

export interface ServiceOptions {
  readonly world: World;
  readonly accounts: Pick<Accounts, "find">;
  /** Returns the input of an answer to this account. @throws Refusal where its plan lacks the operation */
  readonly enter: (account: Account, operation: Operation, lateSeconds: Scene["lateSeconds"]) => Scene;
  readonly trouble: Trouble;
  /** Whether requests are carried out that have expired by the `wsu:Expires` of their header. */
  readonly ignoresExpiry?: boolean | undefined;
  readonly calls: CallLog;
  /** Number of the first `portLoad` of all answers, in watts; null: answers have the real loads. */
  readonly firstSerial: number | null;
  readonly log: Log;
}

/** The entry of a request in the log of calls, as far as it is known. */
interface Entry {
  account: string | null;
  readonly client: string | null;
  readonly operation: string;
  effect: Call["effect"];
  request: unknown;
  readonly trouble: EffectKind[];
  serials: Call["serials"];
}

/** Turns a request's document into the reply: the complete web service without HTTP. */
export class Service {
  readonly #options: ServiceOptions;
  #nextSerial: number | null;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#nextSerial = options.firstSerial;
  }

  /** `client`: the request's User-Agent. */
  reply(document: Uint8Array | string, client: string | null = null): Reply {
    let envelope: Envelope;
    try {
      envelope = openEnvelope(document);
    } catch (error) {
      return this.#fault(error, null);
    }
    const { body } = envelope;
    const { world } = this.#options;
    world.catchUp();
    const entry: Entry = {
      account: null,
      client,
      operation: body?.name ?? "",
      effect: null,
      request: null,
      trouble: [],
      serials: null,
    };
    try {
      const account = this.#authenticate(envelope);
      this.#checkExpiry(envelope);
      entry.account = account.username;
      if (body === null) throw new FaultError("Client", "the SOAP Body is empty");
      const operation = findOperation(body.name);
      if (!operation) throw new FaultError("Client", `there is no operation ${body.name}`);
      const { value, problems } = decodeStrict(operation.request, body, operation.sequence);
      entry.effect = operation.effect;
      entry.request = value;
      return this.#serve(account, operation, { value, problems }, entry);
    } catch (error) {
      return this.#fault(error, entry);
    }
  }

  /** @throws FaultError */
  #authenticate({ header }: Envelope): Account {
    const given = readCredentials(header);
    if (given === null) {
      throw new FaultError(
        "InvalidSecurity",
        "the SOAP Header has no UsernameToken with Username and Password, the password as text",
      );
    }
    const account = this.#options.accounts.find(given.username, given.password);
    if (!account) throw new FaultError("FailedAuthentication", "the licence key or password is wrong");
    return account;
  }

  /** WS-Security 1.1 §10 and §12: an expired request is not carried out. @throws FaultError */
  #checkExpiry({ header }: Envelope): void {
    const expires = readExpires(header);
    if (this.#options.ignoresExpiry || expires === null || Date.now() < expires.getTime()) return;
    throw new FaultError("MessageExpired", `the request expired at ${expires.toISOString()}`);
  }

  /** Returns the answer to an operation, with the troubles that affect it. @throws FaultError */
  #serve(account: Account, operation: Operation, read: ReadRequest, entry: Entry): Reply {
    const { trouble } = this.#options;
    const asked = { account: account.username, operation: operation.name, request: read.value };
    const strike = <S extends Stage>(stage: S, on: Asked = asked) => {
      const struck = trouble.strike(stage, on);
      if (struck) entry.trouble.push(struck.effect.kind);
      return struck;
    };

    const instead = strike("instead");
    const effect = instead?.effect;
    if (effect?.kind === "fault") {
      return this.#fault(new FaultError(effect.code, effect.text), entry, effect.status);
    }
    if (effect && effect.kind !== "code") {
      const outcome = effect.kind === "status" ? `status:${effect.status}` : effect.kind;
      const struck = instead as Struck<Rude>;
      return { kind: "rude", struck, operation: operation.name, call: this.#log(entry, outcome) };
    }
    const refused = effect ? new Refusal(effect.code, effect.text) : null;
    const pages = operation.paging && !refused ? strike("paging") : null;
    const { startRecord } = (read.value.searchQuery ?? {}) as { startRecord?: unknown };
    const again = pages?.effect.how === "repeated" || pages?.effect.how === "endless";
    const searchQuery = { ...(read.value.searchQuery as object), startRecord: null };
    const request = again ? { ...read, value: { ...read.value, searchQuery } } : read;
    const late = (stationID: string): number =>
      strike("late", { ...asked, request: stationID })?.effect.seconds ?? trouble.writesShowLateSeconds;

    const { outcome, ...said } = answerTo(operation, request, entry.operation, () => {
      if (refused) throw refused;
      return this.#options.enter(account, operation, late);
    });
    let { document } = said;
    if (pages) document = changePage(document, operation.paging!, pages.effect, Number(startRecord ?? 1));
    const content = strike("content", { ...asked, document });
    if (content) document = changeContent(document, content.effect, content.stationID);
    document = this.#number(document, entry);
    const delivery = strike("delivery");
    return { kind: "soap", status: 200, document, delivery, call: this.#log(entry, outcome) };
  }

  /** Replaces the loads of ports by the next serials, in kW with three decimals. */
  #number(document: string, entry: Entry): string {
    const first = this.#nextSerial;
    if (first === null) return document;
    let next = first;
    const numbered = document.replace(/<portLoad>[^<]*</g, () => `<portLoad>${(next++ / 1000).toFixed(3)}<`);
    if (next > first) entry.serials = { first, last: next - 1 };
    this.#nextSerial = next;
    return numbered;
  }

  #log(entry: Entry, outcome: string): Call {
    return this.#options.calls.add({
      at: this.#options.world.now,
      receivedAt: Date.now(),
      ...entry,
      outcome,
    });
  }

  #fault(error: unknown, entry: Entry | null, status = 500): Reply {
    const { code, message: text } = this.#faultOf(error);
    const call = entry && this.#log(entry, `fault:${code}`);
    return { kind: "soap", status, document: buildFault({ code, text }), delivery: null, call };
  }

  #faultOf(error: unknown): FaultError {
    if (error instanceof FaultError) return error;
    if (error instanceof XmlError || error instanceof EnvelopeError) {
      return new FaultError("Client", error.message);
    }
    const { log, world } = this.#options;
    log.error("a request could not be answered; this is a defect of the simulator", {
      err: error,
      at: wireTime(world.now),
    });
    return new FaultError("Server", "internal error");
  }
}

/** Returns the values of a request in the log of calls: `requestOf(operation, call)`. */
export function requestOf<Q extends Fields, A extends Fields>(operation: Operation<Q, A>, call: Call): Of<Q> {
  if (call.operation !== operation.name) throw new Error(`the call is of ${call.operation}`);
  return call.request as Of<Q>;
}
