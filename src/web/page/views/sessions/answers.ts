/** A row of the table of sessions; personal columns are null for those who may not see them. */
export interface SessionRow {
  readonly session_id: string;
  readonly station_id: string;
  readonly port_number: string | null;
  readonly started_at: string;
  /** Null: active. */
  readonly ended_at: string | null;
  readonly energy_kwh: number | null;
  readonly charging_seconds: number | null;
  readonly connected_seconds: number | null;
  readonly start_battery_percent: number | null;
  readonly stop_battery_percent: number | null;
  readonly ended_by: string | null;
  readonly vehicle_make: string | null;
  readonly vehicle_model: string | null;
  readonly vehicle_model_year: string | null;
  readonly opted_out: boolean | null;
  readonly opted_out_at: string | null;
  readonly user_id: string | null;
  readonly credential_id: string | null;
  readonly rfid_serial_number: string | null;
  readonly vehicle_id: string | null;
  readonly vehicle_mac: string | null;
  readonly payment_terminal: string | null;
}

export interface SessionPage {
  readonly sessions: readonly SessionRow[];
  /** Null: this is the last page. */
  readonly next: string | null;
}

export interface PaymentRow {
  readonly transaction_id: string;
  readonly type: string | null;
  readonly pricing_rule: string | null;
  readonly reported_at: string;
  readonly currency: string | null;
  readonly gross_amount: number | null;
  readonly service_fee_amount: number | null;
  readonly tax_amount: number | null;
  readonly net_revenue_amount: number | null;
}

export interface QuarterHour {
  readonly started_at: string;
  readonly energy_kwh: number | null;
  readonly peak_kw: number | null;
  readonly average_kw: number | null;
}

export interface SessionDetails {
  readonly session: SessionRow;
  readonly payments: readonly PaymentRow[];
  readonly quarterHours: readonly QuarterHour[];
  /** Null: the station is not a device of this bridge. */
  readonly device: string | null;
  /** Null: there is no store, or the station has no load there. */
  readonly curve: {
    readonly topic: string;
    readonly values: readonly (readonly [at: string, value: unknown])[];
  } | null;
}

export type By = "day" | "month" | "station";

export interface Money {
  readonly currency: string | null;
  readonly gross: number;
  readonly net: number;
}

/** Sums of the sessions of a day, a month or a station. */
export interface Sums {
  /** `2026-11-21`, `2026-11`, or the station's id. */
  readonly key: string;
  readonly name: string | null;
  readonly sessions: number;
  readonly energyKwh: number;
  readonly connectedSeconds: number;
  readonly chargingSeconds: number;
  readonly money: readonly Money[];
}

export interface Summary {
  readonly by: By;
  readonly rows: readonly Sums[];
}

/** Returns the sums of all rows, money by currency. */
export function totalOf(rows: readonly Sums[]): Omit<Sums, "key" | "name"> {
  const money = new Map<string | null, { currency: string | null; gross: number; net: number }>();
  for (const { currency, gross, net } of rows.flatMap((row) => row.money)) {
    const sum = money.get(currency) ?? { currency, gross: 0, net: 0 };
    money.set(currency, { currency, gross: sum.gross + gross, net: sum.net + net });
  }
  const sum = (of: (row: Sums) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return {
    sessions: sum(({ sessions }) => sessions),
    energyKwh: sum(({ energyKwh }) => energyKwh),
    connectedSeconds: sum(({ connectedSeconds }) => connectedSeconds),
    chargingSeconds: sum(({ chargingSeconds }) => chargingSeconds),
    money: [...money.values()],
  };
}
