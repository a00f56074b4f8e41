export type { Call } from "./calls.ts";
export { type Clock, RunningClock, SteppedClock } from "./clock.ts";
export { requestOf } from "./face/service.ts";
export { type Simulator, type SimulatorOptions, startSimulator } from "./simulator.ts";
export type { Effect } from "./trouble/effect.ts";
export { TroubleRulesError } from "./trouble/rules.ts";
export type { BegunTrouble, Trouble, TroubleRule } from "./trouble/trouble.ts";
export type { PlannedVisit } from "./world/visit.ts";
export type { World } from "./world/world.ts";
