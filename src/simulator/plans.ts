/**
 * What an organisation has subscribed to (guide §5, §6.1.1, §6.2.1, §6.3, §10.4.1, §5.4.1: the restrictions of the calls).
 * Calls outside the plan are answered with code 101.
 */
export type Plan = "full" | "enterprise" | "commercial";

const FLEET = [
  "addFleetVehicle",
  "updateFleetVehicle",
  "deleteFleetVehicle",
  "getFleetVehicles",
  "getFleetUsageData",
];
/** Demand response of a home utility programme. */
const UTILITY = ["createLoadShedEvent", "removeLoadShedEvent"];
const ENTERPRISE = [
  "shedLoad",
  "clearShedState",
  "getLoad",
  "get15minChargingSessionData",
  "getTransactionData",
];
const DRIVERS = ["getUsers", "updateUserStatus", "setWaitlistDone"];

const LACKS: Readonly<Record<Plan, ReadonlySet<string>>> = {
  full: new Set(),
  enterprise: new Set([...FLEET, ...UTILITY]),
  commercial: new Set([...FLEET, ...UTILITY, ...ENTERPRISE, ...DRIVERS]),
};

export const PLANS = Object.keys(LACKS) as readonly Plan[];

export function planIncludes(plan: Plan, operation: string): boolean {
  return !LACKS[plan].has(operation);
}
