export { isClockSet } from "./clock-set.ts";
export { devicePathFault, levelFault, pointNameFault } from "./name.ts";
export type { DeviceInfo, Point, PublishViews } from "./point.ts";
export { namedType, POINT_TYPES, type PointType, TYPE_SPELLINGS } from "./point-type.ts";
export type { Availability, AvailabilityChange, Scrape } from "./scrape.ts";
export type { PortEnergy, SessionEvent, SessionOutlet } from "./session-event.ts";
export type { Conversion, MetadataType, PointValue } from "./value.ts";
export { convertValue, metadataType, timeOf } from "./value.ts";
export type { CommandSource, Write, WriteStatus } from "./write.ts";
