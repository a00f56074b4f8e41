// A registry CSV comes in; rows with points go out, with a diagnostic for every fault by line and column.
export { HEADERS } from "./columns.ts";
export { type GridColumn, type GridRow, type RegistryGrid, readingGrid } from "./grid.ts";
export {
  type Change,
  excelText,
  type LinePair,
  type Mended,
  mendRegistry,
  strictText,
  UnmendableError,
} from "./mend.ts";
export { MAX_FILE_BYTES, parseRegistry, type Registry, readRegistry, registryReading } from "./registry.ts";
export type { RegistryRow } from "./row.ts";
