export { parseRegistry, type Registry, readRegistry } from "./registry.ts";
export type { RegistryRow } from "./row.ts";
