// A query for devices and a time range comes in. The values and the bridge's own notes in the store give the gaps of each device:
// when values are missing, how many scrapes, and why.
export { type DeviceGaps, findGaps, type Gap, type GapQuery } from "./report.ts";
