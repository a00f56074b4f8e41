import { decide, type Plan, type Rules } from "../../src/limits/decide.ts";
import { mayDrawKw, type Outlet, observe } from "../../src/limits/outlet.ts";

export const MINUTE = 60_000;

export interface Vehicle {
  /** Most that it takes, kW. */
  readonly kw: number;
  /** Left to take, kWh. */
  needKwh: number;
  readonly session: string;
  gotKwh: number;
  /** Minutes without power while it wanted some. */
  hungryMinutes: number;
  longestHungerMinutes: number;
}

/** Ports with vehicles that draw what they may, and the core alone deciding on them: no bridge, no network. */
export class Model {
  readonly outlets: Outlet[];
  readonly vehicles: (Vehicle | undefined)[];
  readonly rules: Rules;
  readonly rebalanceMs: number;
  now = 0;
  writes = 0;
  /** Outlets whose writes fail, and those that cannot be read. */
  readonly broken = new Set<number>();
  readonly silent = new Set<number>();
  #rebalancedAt = Number.NEGATIVE_INFINITY;
  #sessions = 0;

  constructor(nominalKw: readonly number[], rules: Rules, rebalanceMs = 10 * MINUTE) {
    this.outlets = nominalKw.map((kw, i) => ({ id: `p${i}`, nominalKw: kw, turnSince: 0 }));
    this.vehicles = nominalKw.map(() => undefined);
    this.rules = rules;
    this.rebalanceMs = rebalanceMs;
  }

  arrive(port: number, kw: number, needKwh: number): void {
    const session = `s${++this.#sessions}`;
    this.vehicles[port] = { kw, needKwh, session, gotKwh: 0, hungryMinutes: 0, longestHungerMinutes: 0 };
  }

  leave(port: number): void {
    this.vehicles[port] = undefined;
  }

  /** What a port draws: what its vehicle takes, at most its limit. */
  loadKw(port: number): number {
    const vehicle = this.vehicles[port];
    const { inForceKw, nominalKw } = this.outlets[port]!;
    if (!vehicle || vehicle.needKwh <= 0) return 0;
    return Math.min(vehicle.kw, nominalKw, inForceKw ?? nominalKw);
  }

  get loadsKw(): number {
    return this.outlets.reduce((sum, _, port) => sum + this.loadKw(port), 0);
  }

  get demandKw(): number {
    return this.vehicles.reduce((sum, vehicle, port) => {
      const wants = vehicle !== undefined && vehicle.needKwh > 0;
      return sum + (wants ? Math.min(vehicle.kw, this.outlets[port]!.nominalKw) : 0);
    }, 0);
  }

  get mayDrawKw(): number {
    return this.outlets.reduce((sum, outlet) => sum + mayDrawKw(outlet), 0);
  }

  /** A reading of every port, then decisions until nothing more is to be written. */
  react(onPlan: (plan: Plan) => void = () => {}): void {
    // Where there is next to nothing to give, one port after the other is switched off.
    for (let turn = 0; turn < 20 + 2 * this.outlets.length; turn++) {
      this.#read();
      const rebalance = this.now - this.#rebalancedAt >= this.rebalanceMs;
      const plan = decide(this.outlets, this.rules, this.now, rebalance);
      onPlan(plan);
      if (rebalance && !plan.unfinished) this.#rebalancedAt = this.now;
      if (plan.moves.length === 0) return;
      for (const { outlet, kw, why } of plan.moves) {
        this.writes++;
        if (this.broken.has(this.outlets.indexOf(outlet))) {
          outlet.blockedUntil = this.now + 5 * MINUTE;
          continue;
        }
        if (why === "start" || why === "turn") outlet.turnSince = this.now;
        if (kw >= outlet.nominalKw) delete outlet.inForceKw;
        else outlet.inForceKw = kw;
      }
    }
    throw new Error("the decisions never come to an end");
  }

  /** A minute passes, then it is read and decided. */
  minute(onPlan?: (plan: Plan) => void): void {
    this.vehicles.forEach((vehicle, port) => {
      if (!vehicle || vehicle.needKwh <= 0) return;
      const kw = this.loadKw(port);
      vehicle.gotKwh += kw / 60;
      vehicle.needKwh -= kw / 60;
      vehicle.hungryMinutes = kw > 0 ? 0 : vehicle.hungryMinutes + 1;
      vehicle.longestHungerMinutes = Math.max(vehicle.longestHungerMinutes, vehicle.hungryMinutes);
    });
    this.now += MINUTE;
    this.react(onPlan);
  }

  #read(): void {
    this.outlets.forEach((outlet, port) => {
      if (this.silent.has(port)) {
        delete outlet.loadKw;
        return;
      }
      const vehicle = this.vehicles[port];
      const session = vehicle ? { connected: true, session: vehicle.session } : { connected: false };
      const limitKw = outlet.inForceKw ?? null;
      const loadKw = this.loadKw(port);
      observe(outlet, { at: this.now, loadKw, limitKw, ...session }, this.rules.minimumKw, true);
    });
  }
}
