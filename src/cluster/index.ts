export { clusterBackends } from "./backends.ts";
