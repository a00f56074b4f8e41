/** Which stations an account can see: sets of devices in configs, and `voltbridge discover`. */

export { type FoundStation, findStations } from "./find-stations.ts";
export { memberOf } from "./members.ts";
