import type { PointOrigin } from "../../../points/index.ts";
import type { RegistryRow } from "../../../registry/row.ts";
import type { ListedAttribute } from "../../abilities.ts";
import { alarmRegister } from "./alarm-register.ts";
import { CALLS } from "./calls.ts";
import { chargingSessionRegister } from "./charging-session-register.ts";
import { loadRegister } from "./load-register.ts";
import { publicStationRegister } from "./public-station-register.ts";
import { isNameplate, kindOf, type RegisterClass } from "./register.ts";
import { stationRegister } from "./station-register.ts";
import { stationRightsRegister } from "./station-rights-register.ts";
import { stationStatusRegister } from "./station-status-register.ts";

/** THE LIST: `Register Name` of the registry CSV → register class. */
export const registerClasses: Readonly<Record<string, RegisterClass>> = {
  StationRegister: stationRegister as RegisterClass,
  StationStatusRegister: stationStatusRegister as RegisterClass,
  LoadRegister: loadRegister as RegisterClass,
  AlarmRegister: alarmRegister as RegisterClass,
  StationRightsRegister: stationRightsRegister as RegisterClass,
  ChargingSessionRegister: chargingSessionRegister as RegisterClass,
  PublicStationRegister: publicStationRegister as RegisterClass,
};

/** Returns every attribute of every register class, with the call that reads it. */
export function listAttributes(): ListedAttribute[] {
  return Object.entries(registerClasses).flatMap(([register, registerClass]) =>
    Object.entries(registerClass.attributes).map(([attribute, { level, type, unit, meaning, control }]) => {
      const { operation, price, shared } = CALLS[kindOf(registerClass, attribute)];
      const call = { operation, cost: `${price} ${shared}` };
      const nameplate = isNameplate(registerClass, attribute) || undefined;
      return {
        ...{ register, attribute, level, type, unit, meaning, nameplate },
        writable: control !== undefined,
        call,
      };
    }),
  );
}

/** Returns where the value of a valid row comes from. */
export function originOf({ register, attribute, port }: RegistryRow): PointOrigin {
  const registerClass = registerClasses[register]!;
  const { measure, personal, words } = registerClass.attributes[attribute]!;
  const call = CALLS[kindOf(registerClass, attribute)].operation;
  return {
    ...{ register, attribute, port, call, measure, words },
    personal: personal || undefined,
    nameplate: isNameplate(registerClass, attribute) || undefined,
  };
}
