import type { Move, Plan, Why } from "./decide.ts";
import { mayDrawKw, type Outlet } from "./outlet.ts";

/** Texts of messages to the operators. */

export function kwText(kw: number): string {
  return `${Number(kw.toFixed(2))} kW`;
}

/** `garage (57.6 of 60 kW, 20 busy): campus/garage/s3/allowedLoad_1 3 kW → 2.85 kW: …` */
export function moveText(group: string, maxKw: number, loadKw: number, plan: Plan, move: Move): string {
  const { outlet, fromKw, kw, why } = move;
  const limit = (value: number) => (value >= outlet.nominalKw ? "no limit" : kwText(value));
  const waiting = plan.waiting > 0 ? `, ${plan.waiting} waiting` : "";
  const state = `${Number(loadKw.toFixed(1))} of ${maxKw} kW, ${plan.busy} busy${waiting}`;
  const reason = REASONS[why](outlet, plan);
  return `${group} (${state}): ${outlet.id} ${limit(fromKw)} → ${limit(kw)}: ${reason}`;
}

const REASONS: Readonly<Record<Why, (outlet: Outlet, plan: Plan) => string>> = {
  over: (_, { mayDrawKw: all }) => `together up to ${kwText(all)} could flow`,
  start: ({ loadKw = 0 }) => (loadKw > 0 ? "a vehicle needs the minimum" : "a vehicle waits here"),
  room: () => "a vehicle came, and there is room",
  share: ({ loadKw }) => `to the fair share; it draws ${loadKw === undefined ? "?" : kwText(loadKw)}`,
  spare: () => "some power was unused",
  idle: () => "no vehicle wants power here",
  turn: () => "its turn is over, others waited longer",
};

/** Returns what prevents a limit from being kept, by outlet. */
export function beyondText(blocked: readonly { outlet: Outlet; trouble: string }[]): string {
  const shown = blocked.slice(0, 3).map(({ outlet, trouble }) => {
    return `${outlet.id} (up to ${kwText(mayDrawKw(outlet))}): ${trouble}`;
  });
  const more = blocked.length > shown.length ? `; and ${blocked.length - shown.length} more` : "";
  return `${shown.join("; ")}${more}`;
}
