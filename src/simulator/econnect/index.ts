/** A simulated eConnect Masterdata service. */

export { type EconnectSimulator, startEconnectSimulator } from "./simulator.ts";
