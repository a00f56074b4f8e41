/** An eConnect Masterdata service to run against. */

export { type EconnectSimulator, startEconnectSimulator } from "./simulator.ts";
