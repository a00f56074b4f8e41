// A registry CSV comes in; rows with points go out, with a diagnostic for every fault by line and column.
export { parseRegistry, type Registry, readRegistry, registryReading } from "./registry.ts";
export type { RegistryRow } from "./row.ts";
