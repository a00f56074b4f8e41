import type { AbleType } from "./abilities.ts";
import { chargepoint } from "./chargepoint/index.ts";
import { econnect } from "./econnect/index.ts";
import { fake } from "./fake/index.ts";

/** THE LIST of driver types: one line each, by the `driver_type` of a device config. */
export const driverTypes: Readonly<Record<string, AbleType>> = {
  chargepoint,
  econnect,
  fake,
  // The name of VOLTTRON's fake driver.
  fakedriver: fake,
};
