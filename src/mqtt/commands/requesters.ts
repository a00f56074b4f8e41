import type { Command } from "../../devices/commands.ts";
import { RequesterError } from "../../devices/errors.ts";
import type { Topics } from "../topics.ts";

/** Who sends requests, by the rule of `actuator.requester`. */
export class Requesters {
  readonly #topics: Topics;
  readonly #rule: "message" | "topic";

  constructor(topics: Topics, rule: "message" | "topic") {
    this.#topics = topics;
    this.#rule = rule;
  }

  /** What to listen to for requests on `filters`: by the rule `topic` also below `as/<user>/`. */
  filters(filters: readonly string[]): string[] {
    if (this.#rule === "message") return [...filters];
    return [...filters, ...filters.map((filter) => this.#topics.signed(filter, "+"))];
  }

  /**
   * The request's topic without its signature, and what the signature says of the requester. By the rule `topic` only a
   * signature counts: what the message claims is passed over, and an unsigned request may read, not write.
   */
  read(topic: string): {
    readonly topic: string;
    readonly terms: Pick<Command, "refusal"> & { requester?: string };
  } {
    if (this.#rule === "message") return { topic, terms: {} };
    const signed = this.#topics.parseSigned(topic);
    if (signed) return { topic: signed.topic, terms: { requester: signed.user } };
    const refusal = new RequesterError(
      `this bridge takes the requester from the topic (actuator.requester): send it to ${this.#topics.signed(topic, "<user>")}`,
    );
    return { topic, terms: { requester: "mqtt", refusal } };
  }
}
