export { type DeviceGaps, findGaps, type Gap, type GapQuery } from "./report.ts";
