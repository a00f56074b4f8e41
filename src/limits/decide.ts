import { isBusy, mayDrawKw, needKw, type Outlet } from "./outlet.ts";
import { chooseTurns, share } from "./share.ts";

export interface Rules {
  /** Maximum power of all outlets together, less the margin. */
  readonly budgetKw: number;
  /** Minimum power with which a vehicle charges. */
  readonly minimumKw: number;
  readonly turnMs: number;
}

/** Why a limit changes; words.ts has the texts. */
export type Why = "over" | "start" | "room" | "share" | "spare" | "idle" | "turn";

/** A limit to set; `kw` = nominal removes it. */
export interface Move {
  readonly outlet: Outlet;
  readonly kw: number;
  readonly fromKw: number;
  readonly why: Why;
}

export interface Plan {
  /** Decreases come first. All moves stay within the budget, whether each succeeds or not. */
  readonly moves: readonly Move[];
  /** Maximum power of all outlets together before these moves. */
  readonly mayDrawKw: number;
  /** Part of it that exceeds the budget and cannot be taken away now. */
  readonly beyondKw: number;
  readonly busy: number;
  readonly waiting: number;
  /** Whether more can be given out when the decreases are confirmed. */
  readonly unfinished: boolean;
}

/** Minimum difference that is worth a write. */
const STEP_KW = 0.5;
const STEP_SHARE = 0.2;
/** Share of the budget that may be unused without a write. */
const SPARE_SHARE = 0.04;
const TINY_KW = 0.01;

interface Target {
  readonly outlet: Outlet;
  readonly busy: boolean;
  readonly kw: number;
  /** Its maximum power at present. */
  readonly now: number;
}

/**
 * Returns the writes that are due now, so that the outlets together never draw more than the budget, shared fairly and used
 * as far as there is demand. Pure: the same outlets and the same time give the same plan.
 * Every outlet counts with its maximum (its limit, or its full power), whether a vehicle is there or not. So power is given
 * out only after it was taken away elsewhere and that is confirmed. `rebalance`: also make writes that only improve
 * fairness or give out unused power; otherwise only urgent ones.
 */
export function decide(outlets: readonly Outlet[], rules: Rules, now: number, rebalance: boolean): Plan {
  const mayDraw = sum(outlets, mayDrawKw);
  const free = outlets.filter((outlet) => !isFixed(outlet, now));
  const room = rules.budgetKw - (mayDraw - sum(free, mayDrawKw));
  const targets = targetsOf(free, room, rules, now);
  const spare = rules.budgetKw - mayDraw;
  const busy = targets.filter((target) => target.busy);
  const counts = {
    mayDrawKw: mayDraw,
    beyondKw: Math.max(0, -room),
    busy: busy.length,
    waiting: busy.filter(({ kw }) => kw === 0).length,
  };
  if (spare < -TINY_KW) {
    const moves = targets.filter(isAbove).map((target) => move(target, target.kw, "over"));
    return { ...counts, moves, unfinished: moves.length > 0 };
  }
  const wishes = wishesOf(targets, rules, rebalance, spare);
  const missing = sum(wishes, ({ kw, target }) => kw - target.now) - spare;
  const taken = takeFrom(targets, wishes, missing);
  const given = giveTo(wishes, spare);
  return { ...counts, moves: [...taken, ...given], unfinished: taken.length > 0 };
}

/** Returns whether the outlet cannot be written now, or the outcome of its last write is unknown. */
function isFixed({ askedKw, blockedUntil = 0 }: Outlet, now: number): boolean {
  return askedKw !== undefined || now < blockedUntil;
}

function targetsOf(outlets: readonly Outlet[], room: number, rules: Rules, now: number): Target[] {
  const { minimumKw, turnMs } = rules;
  const busy = outlets.filter(isBusy);
  const least = (outlet: Outlet) => Math.min(minimumKw, outlet.nominalKw);
  const places = busy.length === 0 || sum(busy, least) <= room ? busy.length : Math.floor(room / minimumKw);
  const charging = chooseTurns(
    busy.map((outlet) => ({
      id: outlet.id,
      charging: mayDrawKw(outlet) >= least(outlet),
      since: outlet.turnSince,
    })),
    places,
    now,
    turnMs,
  );
  const shares = share(
    room,
    busy.filter(({ id }) => charging.has(id)).map((o) => ({ id: o.id, needKw: needKw(o, minimumKw) })),
  );
  const idle = outlets.filter((outlet) => !isBusy(outlet));
  const left = room - sum([...shares.values()], (kw) => kw);
  const idleKw = idleShare(idle, left, least);
  return outlets.map((outlet) => {
    const given = shares.get(outlet.id);
    const kw = isBusy(outlet) ? (given ?? 0) : idleKw(outlet);
    return { outlet, busy: isBusy(outlet), kw: tidy(kw, outlet), now: mayDrawKw(outlet) };
  });
}

/** Returns the shares of outlets without a vehicle: the rest in steps of full power, the minimum, or nothing. */
function idleShare(
  idle: readonly Outlet[],
  left: number,
  least: (outlet: Outlet) => number,
): (outlet: Outlet) => number {
  if (left >= sum(idle, ({ nominalKw }) => nominalKw)) return ({ nominalKw }) => nominalKw;
  return left >= sum(idle, least) ? least : () => 0;
}

interface Wish {
  readonly target: Target;
  readonly kw: number;
  readonly why: Why;
}

/** Returns the outlets that should get more, the most urgent first. */
function wishesOf(targets: readonly Target[], rules: Rules, rebalance: boolean, spare: number): Wish[] {
  const { minimumKw, budgetKw } = rules;
  const wishes: Wish[] = [];
  // A new vehicle gets at once what is unused, or given to outlets without a vehicle.
  let room = spare + sum(targets.filter(isAbove), ({ busy, now, kw }) => (busy ? 0 : now - kw));
  for (const target of byPower(targets)) {
    const { outlet, now, kw, busy } = target;
    const least = Math.min(minimumKw, outlet.nominalKw);
    if (kw <= now + TINY_KW) continue;
    if (busy && now < least - TINY_KW) wishes.push({ target, kw: rebalance ? kw : least, why: "start" });
    else if (busy && now <= least + TINY_KW && kw - now <= room && kw - now >= STEP_KW)
      wishes.push({ target, kw, why: "room" });
    else if (rebalance && (kw - now >= Math.max(STEP_KW, STEP_SHARE * now) || kw === outlet.nominalKw))
      wishes.push({ target, kw, why: busy ? "share" : "idle" });
    const wish = wishes.at(-1);
    if (wish?.target === target) room -= wish.kw - now;
  }
  const wished = new Set(wishes.map(({ target }) => target));
  if (rebalance && room > SPARE_SHARE * budgetKw)
    for (const target of byPower(targets)) {
      if (!target.busy || wished.has(target) || room < STEP_KW || target.now < TINY_KW) continue;
      const need = needKw(target.outlet, minimumKw);
      const more = Math.min(Math.max(STEP_KW, STEP_SHARE * target.now), need - target.now, room);
      if (more < STEP_KW) continue;
      wishes.push({ target, kw: tidy(target.now + more, target.outlet), why: "spare" });
      room -= more;
    }
  const rank = ({ target }: Wish) => (target.busy ? target.now : Number.POSITIVE_INFINITY);
  return wishes.sort((a, b) => rank(a) - rank(b) || a.target.outlet.turnSince - b.target.outlet.turnSince);
}

/** Takes away the missing power, first where there is no vehicle, then where most is above its share. */
function takeFrom(targets: readonly Target[], wishes: readonly Wish[], missing: number): Move[] {
  const moves: Move[] = [];
  // Outlets whose turn is over are reduced in any case.
  const over = targets.filter((target) => target.busy && target.kw === 0 && target.now > TINY_KW);
  const donors = targets
    .filter((target) => isAbove(target) && !over.includes(target))
    .sort((a, b) => Number(a.busy) - Number(b.busy) || b.now - b.kw - (a.now - a.kw));
  let left = missing;
  for (const target of over) {
    moves.push(move(target, 0, "turn"));
    left -= target.now;
  }
  if (wishes.length === 0) return moves;
  for (const target of donors) {
    if (left <= TINY_KW) break;
    moves.push(move(target, target.kw, target.busy ? "share" : "idle"));
    left -= target.now - target.kw;
  }
  return moves;
}

/** Gives out the unused power, as far as it covers complete wishes. */
function giveTo(wishes: readonly Wish[], spare: number): Move[] {
  const moves: Move[] = [];
  let left = spare;
  for (const { target, kw, why } of wishes) {
    const more = kw - target.now;
    if (more > left + 1e-9) continue;
    left -= more;
    moves.push(move(target, kw, why));
  }
  return moves;
}

function move({ outlet, now }: Target, kw: number, why: Why): Move {
  return { outlet, kw, fromKw: now, why };
}

function isAbove({ now, kw }: Target): boolean {
  return now > kw + TINY_KW;
}

/** Rounds down to two decimals; full power is no limit. */
function tidy(kw: number, { nominalKw }: Outlet): number {
  return kw >= nominalKw - TINY_KW ? nominalKw : Math.floor(kw * 100 + 1e-6) / 100;
}

function byPower(targets: readonly Target[]): Target[] {
  return [...targets].sort((a, b) => a.now - b.now);
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
