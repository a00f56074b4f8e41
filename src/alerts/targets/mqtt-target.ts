import type { AlertOutlet } from "../../points/index.ts";
import { type Outgoing, type Target, TargetError } from "./target.ts";

/** The bridge's own topics. Its broker is reported by others. */
export class MqttTarget implements Target {
  readonly gatherMs = 0;
  readonly mostTogether = 1;
  readonly isSilent = true;
  readonly retries = { first: 1000, longest: 10_000 };
  readonly #outlet: Pick<AlertOutlet, "publish">;

  constructor(outlet: Pick<AlertOutlet, "publish">) {
    this.#outlet = outlet;
  }

  async send([outgoing]: readonly Outgoing[]): Promise<undefined> {
    const outcome = outgoing ? await this.#outlet.publish(outgoing.message) : "published";
    if (outcome !== "published") throw new TargetError(`the message was ${outcome}`, outcome === "refused");
    return undefined;
  }
}
