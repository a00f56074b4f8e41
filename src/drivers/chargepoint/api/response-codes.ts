/** How to handle a response code. */
export type Outcome = "success" | "empty" | "transient" | "forbidden" | "invalid";

const EMPTY = new Set("102 120 122 134 136 148 153 156 160 169 180 201".split(" "));
const TRANSIENT = new Set(["115", "126", "127", "137", "143"]);
const FORBIDDEN = new Set(["101", "104", "125", "131", "133", "178"]);

/**
 * Classifies a response code: `empty` is an answer without records, `transient` may be retried later, `forbidden` depends on
 * the account's plan or rights, `invalid` is an error of the caller and never retried. Codes that the guide does not list
 * are `invalid`.
 */
export function classify(code: string): Outcome {
  const plain = code.trim();
  if (plain === "100") return "success";
  if (EMPTY.has(plain)) return "empty";
  if (TRANSIENT.has(plain)) return "transient";
  if (FORBIDDEN.has(plain)) return "forbidden";
  return "invalid";
}

/** Returns the meaning of a code in short; null where the guide (§3) does not list it. */
export function describe(code: string): string | null {
  return RESPONSE_CODES[code.trim()] ?? null;
}

/** Every code of guide §3 with its meaning in our words. */
export const RESPONSE_CODES: Readonly<Record<string, string>> = {
  100: "done",
  101: "the organisation's service plan does not include this call",
  102: "no station matches",
  103: "no such station in the network",
  104: "wrong e-mail address or password",
  105: "the ChargePoint card is not activated",
  106: "the date must be valid and in the future",
  107: "the duration is not valid",
  108: "the account handle is not valid",
  109: "the station is not available",
  110: "the serial number is not valid",
  111: "free users cannot reserve paid stations",
  112: "the station cannot be reserved now",
  113: "the reservation handle is not valid",
  114: "the reservation can no longer be cancelled",
  115: "the station is unreachable or needs maintenance",
  116: "the reservation is already cancelled",
  117: "somebody else's reservation cannot be cancelled",
  118: "address and latitude/longitude do not agree",
  119: "the station ID is not valid",
  120: "no station group",
  121: "the station group ID is not valid",
  122: "the station group holds no station",
  123: "the shed percentage is not valid",
  124: "the time interval is not valid",
  125: "only the organisation's own station groups are allowed",
  126: "load cannot be shed now",
  127: "load cannot be restored now",
  128: "the station cannot be reserved",
  129: "no such station group in the network",
  130: "the value must be greater than zero",
  131: "the account has no rights to these stations",
  132: "the session ID is not valid",
  133: "the account has no rights to these sessions",
  134: "the session has no 15-minute data",
  135: "fields are not valid",
  136: "no charging session matches",
  137: "the reservation cannot be cancelled now; the station may be out of reach",
  138: "the reservation cannot be changed now",
  139: "only one wildcard search a day is allowed",
  140: "the group code (sgCode) is not valid",
  141: "the dates are not valid",
  142: "the start date lies after the end date",
  143: "unknown error in the service",
  144: "free users cannot change reservations at paid stations",
  145: "details of somebody else's reservation are not shown",
  146: "somebody else's reservation cannot be changed",
  147: "the ChargePoint card is not valid",
  148: "no reservation",
  149: "the organisation's details are not valid",
  150: "the station name is not valid",
  151: "the date must be valid and in the past",
  152: "the station ID does not have the form CPNID:number",
  153: "no alarms",
  154: "the custom group ID is not valid",
  155: "the custom group name is not valid",
  156: "no custom groups",
  158: "the organisation ID does not have the right form",
  159: "the organisation ID is not valid",
  160: "no data matches",
  166: "Pricing needs startTime, Duration, energyRequired and vehiclePower",
  167: "stationRightsProfile is not valid",
  168: "the event name is not valid",
  169: "no station matches",
  170: "the subscriber ID is not valid",
  171: "parameters are not valid",
  172: "mandatory fields are missing",
  173: "either an allowed load or a shed percentage is needed",
  174: "a shed percentage is at most 100",
  175: "some stations of the group cannot shed to an absolute load",
  176: "the station cannot shed to an absolute load",
  177: "the allowed load exceeds the station's maximum",
  178: "the account has no rights to this organisation",
  179: "a shed of the other mode is in force; clear it first",
  180: "no user",
  181: "all ports must be shed in the same mode",
  182: "search by either station group or station, not both",
  183: "port information is missing",
  184: "give either station group ID or station ID",
  185: "the station cannot shed single ports",
  186: "the number of ports in the request is not valid",
  187: "shed either a group or a station, not both",
  188: "no such operation",
  189: "numStations exceeds the largest page",
  190: "the user ID is not valid",
  191: "the user made no such request",
  192: "the driver's connection was already decided",
  194: "search by stationID or by stationIDs, not both",
  196: "the first transaction date lies after the last",
  197: "both transaction dates are needed",
  198: "at most 500 transactions a page",
  199: "shed at one level only: group, station or ports",
  200: "give one of allowedLoadPerStation, percentShedPerStation and Ports",
  201: "no transaction",
  202: "a station with panel sharing cannot shed load",
};
