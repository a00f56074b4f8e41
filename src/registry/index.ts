export { parseRegistry, type Registry, readRegistry } from "./registry.ts";
export type { RegistryHeader, RegistryRow, RowFault } from "./row.ts";
