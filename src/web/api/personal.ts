import type { Role } from "../../config/index.ts";
import type { Point } from "../../points/index.ts";
import { type Caller, includes } from "../access/caller.ts";
import type { WebParts } from "../parts.ts";

/** Who may see values that identify drivers: user, card, name. */
export class PersonalData {
  readonly #role: Role;
  readonly #devices: WebParts["devices"]["byPath"];

  constructor({ settings, devices }: WebParts) {
    this.#role = settings.web.personalData;
    this.#devices = devices.byPath;
  }

  maySee({ role }: Caller): boolean {
    return includes(role, this.#role);
  }

  isWithheld({ origin }: Point, caller: Caller): boolean {
    return origin?.personal === true && !this.maySee(caller);
  }

  /**
   * Returns whether the values of a topic of the store are withheld. What the text of a device means that does not run any more is not
   * known, so it is.
   */
  isTopicWithheld(
    { name, meta }: { readonly name: string; readonly meta: { readonly type: string } },
    caller: Caller,
  ): boolean {
    if (this.maySee(caller)) return false;
    const at = name.lastIndexOf("/");
    const point = this.#devices.get(name.slice(0, at))?.points.get(name.slice(at + 1));
    return point ? this.isWithheld(point, caller) : meta.type === "string" || meta.type === "dictionary";
  }
}
