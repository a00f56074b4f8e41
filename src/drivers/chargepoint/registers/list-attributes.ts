import type { ListedAttribute } from "../../abilities.ts";
import { CALLS } from "./calls.ts";
import { registerClasses } from "./index.ts";
import { kindOf } from "./register.ts";

/** Returns every attribute of every register class, with the call that reads it. */
export function listAttributes(): ListedAttribute[] {
  return Object.entries(registerClasses).flatMap(([register, registerClass]) =>
    Object.entries(registerClass.attributes).map(([attribute, { level, type, unit, meaning, control }]) => {
      const { operation, price, shared } = CALLS[kindOf(registerClass, attribute)];
      const call = { operation, cost: `${price} ${shared}` };
      return { register, attribute, level, type, unit, meaning, writable: control !== undefined, call };
    }),
  );
}
