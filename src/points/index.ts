// The vocabulary of all parts: points and their types and values, devices, scrapes, writes, alarms and session events. No other part is
// imported here.
export type { AlarmChange, AlarmList, AlarmRecord, OpenAlarm, OpenAlarms } from "./alarm.ts";
export type { AlertMessage, AlertOutlet, AlertSubject } from "./alert.ts";
export { hasChanged } from "./change.ts";
export { DecimalSum } from "./decimal-sum.ts";
export type { LimitEnds } from "./limit-ends.ts";
export type { DeviceInfo, Measure, Point, PointOrigin, PublishViews, StorePolicy } from "./point.ts";
export { namedType, POINT_TYPES, type PointType, TYPE_SPELLINGS } from "./point-type.ts";
export { type DevicePorts, type PortPoints, type PortState, portState, portsOf } from "./ports.ts";
export { type Availability, type AvailabilityChange, isClockSet, type Scrape } from "./scrape.ts";
export type { ServiceCall } from "./service-call.ts";
export type { PortEnergy, SessionEvent, SessionOutlet } from "./session-event.ts";
export { devicePathFault, levelFault, matches, pointNameFault } from "./topic.ts";
export type { Conversion, MetadataType, PointValue } from "./value.ts";
export { convertValue, metadataType, timeOf } from "./value.ts";
export {
  type CommandSource,
  WRITE_STATUSES,
  type Write,
  type WriteResult,
  type WriteStatus,
} from "./write.ts";
