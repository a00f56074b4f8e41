import type { Session } from "../sessions/session.ts";
import { feeOf, type Settlement, settle } from "./pricing.ts";
import type { Station } from "./station.ts";

/** Stations report a session a moment after its end, as in the guide's sample (§6.3.5). */
export const REPORTED_AFTER_MS = 4000;
const MS_PER_HOUR = 3_600_000;

/** Returns the fees of an ended session; none where charging is free. */
export function settlementOf(session: Session, station: Station): Settlement {
  const { pricing, site } = station;
  if (pricing === null || session.endedAt === null) return settle(0, 0);
  const hours = session.durationMsAt(session.endedAt) / MS_PER_HOUR;
  return settle(feeOf(pricing, { hours, kwh: session.kwhAt(session.endedAt) }), site.taxRate);
}
