import type {
  Alarm,
  ChargingSession,
  SessionIntervals,
  Station,
  Transaction,
  User,
} from "../../drivers/chargepoint/api/index.ts";
import type { RowOf } from "../database/tables.ts";
import { toWireTime } from "../database/times.ts";
import type { PartOf } from "./inserts.ts";

/** Converts the service's records to rows of the tables. A record without a required value is rejected. */

/** Thrown for a record that cannot be stored. Its reason has no values of the record, so that equal reasons can be counted. */
export class RefusedRecord extends Error {
  override readonly name = "RefusedRecord";
}

const LONG = /^\d{1,18}$/;

export function sessionRow(record: ChargingSession): PartOf<"session"> {
  const userID = text(record.userID);
  return {
    session_id: longOf(record.sessionID, "sessionID"),
    station_id: needed(text(record.stationID), "stationID"),
    port_number: text(record.portNumber),
    user_id: userID,
    started_at: needed(toWireTime(record.startTime), "startTime"),
    ended_at: toWireTime(record.endTime),
    energy_kwh: record.Energy,
    charging_seconds: seconds(record.totalChargingDuration),
    connected_seconds: seconds(record.totalSessionDuration),
    start_battery_percent: record.startBatteryPercentage,
    stop_battery_percent: record.stopBatteryPercentage,
    ended_by: text(record.endedBy),
    credential_id: text(record.credentialID),
    rfid_serial_number: text(record.rfidSerialNumber),
    vehicle_make: text(record.vehicleMake),
    vehicle_model: text(record.vehicleModel),
    vehicle_model_year: text(record.vehicleModelYear),
    vehicle_type: text(record.vehicleType),
    vehicle_id: text(record.vehicleID),
    vehicle_mac: text(record.vehiclePortMAC),
    opted_out: truth(record.driverOptedOut),
    opted_out_at: toWireTime(record.driverOptOutTimestamp),
    payment_terminal: text(record.paymentTerminalInfo),
  };
}

/** Returns the station's values that a session contains. */
export function stationOfSession(record: ChargingSession): PartOf<"station"> {
  return {
    station_id: text(record.stationID)!,
    name: text(record.stationName),
    address: text(record.Address),
    city: text(record.City),
    state: text(record.State),
    country: text(record.Country),
    postal_code: text(record.postalCode),
  };
}

/** Returns the driver's values that a session contains; undefined when it names no driver. */
export function userOfSession(record: ChargingSession): PartOf<"user"> | undefined {
  const user_id = text(record.userID);
  if (user_id === null) return undefined;
  return { user_id, driver_name: text(record.driverName), account_number: text(record.driverAccountNumber) };
}

export function stationRow(record: Station, listedAt: string): RowOf<"station"> {
  const [first] = record.Port;
  const geo = record.Geo?.Lat ? record.Geo : first?.Geo;
  return {
    station_id: needed(text(record.stationID), "stationID"),
    name: text(record.stationName ?? first?.stationName),
    manufacturer: text(record.stationManufacturer),
    model: text(record.stationModel),
    serial_number: text(record.stationSerialNum),
    mac_address: text(record.stationMacAddr),
    address: text(record.Address),
    city: text(record.City),
    state: text(record.State),
    country: text(record.Country),
    postal_code: text(record.postalCode),
    latitude: number(geo?.Lat),
    longitude: number(geo?.Long),
    port_count: record.numPorts ?? record.Port.length,
    organization_id: text(record.orgID),
    organization_name: text(record.organizationName),
    group_ids: text(record.sgID),
    group_names: text(record.sgName),
    currency: text(record.currencyCode),
    utc_offset: text(record.timezoneOffset),
    activated_at: toWireTime(record.stationActivationDate),
    modified_at: toWireTime(record.modTimeStamp ?? record.lastModifiedDate),
    network_status: text(record.networkStatus),
    firmware: text(record.stationFirmware),
    warranty_expires_on: text(record.warrantyExpirationDate),
    listed_at: listedAt,
  };
}

export function portRows({ stationID, Port: ports }: Station): RowOf<"port">[] {
  return ports.flatMap((port) => {
    const port_number = text(port.portNumber);
    if (port_number === null) return [];
    return {
      station_id: stationID!,
      port_number,
      connector: text(port.Connector),
      level: text(port.Level),
      mode: text(port.Mode),
      voltage_v: number(port.Voltage),
      current_a: number(port.Current),
      power_kw: number(port.Power),
      reservable: port.Reservable === null ? null : port.Reservable === 1,
      description: text(port.Description),
    };
  });
}

export function pricingRows({ stationID, Pricing, currencyCode }: Station): RowOf<"pricing">[] {
  return Pricing.map((price, index) => ({
    station_id: stationID!,
    position: index + 1,
    type: text(price.Type),
    starts_at: text(price.startTime),
    ends_at: text(price.endTime),
    currency: text(currencyCode),
    minimum_amount: price.minPrice,
    maximum_amount: price.maxPrice,
    per_hour_amount: price.unitPricePerHour,
    per_session_amount: price.unitPricePerSession,
    per_kwh_amount: price.unitPricePerKWh,
    first_hourly_amount: price.unitPriceForFirst,
    first_minutes: price.initialUnitPriceDuration,
    later_hourly_amount: price.unitPricePerHourThereafter,
  }));
}

export function paymentRow(record: Transaction): Omit<RowOf<"payment">, "session_id"> {
  return {
    transaction_id: longOf(record.transactionID, "transactionID"),
    station_id: needed(text(record.stationID), "stationID"),
    port_number: text(record.portNumber),
    type: text(record.transactionType),
    pricing_rule: text(record.pricingRuleName),
    reported_at: needed(toWireTime(record.transactionTime), "transactionTime"),
    started_at: toWireTime(record.startTime),
    ended_at: toWireTime(record.endTime),
    energy_kwh: record.Energy,
    currency: text(record.Currency),
    gross_amount: record.grossAmount,
    service_fee_amount: record.flexBillingServiceFee,
    tax_amount: record.taxAmount,
    net_amount: record.netAmount,
    net_revenue_amount: record.netRevenue,
    usd_rate: record.exchangeRateUSD,
    card_digits: text(record.anonymousCreditCardNumber),
  };
}

export function intervalRows(sessionID: string, { fifteenminData }: SessionIntervals): RowOf<"interval">[] {
  return fifteenminData.map((interval) => ({
    session_id: sessionID,
    started_at: needed(toWireTime(interval.stationTime), "stationTime"),
    energy_kwh: interval.energyConsumed,
    peak_kw: interval.peakPower,
    average_kw: interval.rollingPowerAvg,
  }));
}

export function alarmRow(record: Alarm): RowOf<"alarm"> {
  return {
    station_id: needed(text(record.stationID), "stationID"),
    occurred_at: needed(toWireTime(record.alarmTime), "alarmTime"),
    type: needed(text(record.alarmType), "alarmType"),
    port_number: text(record.portNumber) ?? "",
  };
}

export function userRow(record: User): PartOf<"user"> {
  return {
    user_id: needed(text(record.userID), "userID"),
    first_name: text(record.firstName),
    last_name: text(record.lastName),
    email: text(record.driverEmail ?? record.Connection?.driverEmail),
    connection_status: text(record.Connection?.Status),
    modified_at: toWireTime(record.lastModifiedTimestamp),
  };
}

function needed<T>(value: T | null, element: string): T {
  if (value === null) throw new RefusedRecord(`${element} is missing or cannot be read`);
  return value;
}

function longOf(value: string | null, element: string): string {
  if (value === null || !LONG.test(value.trim()))
    throw new RefusedRecord(`${element} must be a whole number`);
  return value.trim();
}

/** Converts text for both databases; empty text becomes null. */
function text(value: string | null | undefined): string | null {
  if (value === null || value === undefined || value === "") return null;
  return value.toWellFormed().replaceAll("\0", "");
}

function number(value: string | null | undefined): number | null {
  if (!value?.trim()) return null;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : null;
}

/** Returns the seconds of `HH:MM:SS`; hours can exceed 24. */
function seconds(value: string | null): number | null {
  const found = /^(\d+):(\d\d):(\d\d)$/.exec(value?.trim() ?? "");
  return found ? Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3]) : null;
}

function truth(value: string | null): boolean | null {
  if (/^(true|1)$/i.test(value ?? "")) return true;
  return /^(false|0)$/i.test(value ?? "") ? false : null;
}
