/**
 * The fleet report. Stations, sessions and alarms come in from ChargePoint, eConnect or SQL (`sources`), are counted (`fleetReport`),
 * become sheets (`sheetsOf`), and go out as a workbook, CSV, JSON (`output`) or an HTML page (`page`).
 */

export { hasColumn } from "./field.ts";
export {
  COMMON_COLUMNS,
  type FleetData,
  type FleetStation,
  PARTS,
  type Part,
  type Period,
  type Wanted,
} from "./fleet-data.ts";
export { type FleetReport, fleetReport, type ReportOptions } from "./fleet-report.ts";
export { csv, fileNames } from "./output/csv.ts";
export { json } from "./output/json.ts";
export { reportMail } from "./output/mail-body.ts";
export { workbook } from "./output/workbook.ts";
export { page } from "./page/page.ts";
export { type Sheet, sheetsOf } from "./sheets.ts";
export { chargePointColumns, chargePointFleet } from "./sources/chargepoint.ts";
export { econnectFleet } from "./sources/econnect.ts";
export { sqlColumns, sqlFleet } from "./sources/sql.ts";
export { type Summary, summaryOf } from "./summary.ts";
