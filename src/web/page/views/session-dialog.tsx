import { useMemo, useState } from "preact/hooks";
import { Chart } from "../kit/chart.tsx";
import type { ChartSeries } from "../kit/chart-data.ts";
import { Dialog } from "../kit/dialog.tsx";
import { anyValue, duration, energy, NONE } from "../kit/format.ts";
import { LoadedView } from "../kit/loading.tsx";
import { Time } from "../kit/time.tsx";
import { api, apiPath } from "../state/api.ts";
import { downloadHref } from "../state/history.ts";
import { useLoaded } from "../state/loaded.ts";

/** A charging session as `GET /sessions` has it; the columns that are shown. */
export interface SessionRow {
  readonly session_id: string;
  readonly station_id: string;
  readonly port_number: string | null;
  readonly started_at: string;
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
  readonly user_id: string | null;
}

interface SessionDetails {
  readonly session: SessionRow;
  readonly payments: readonly {
    readonly transaction_id: string;
    readonly type: string | null;
    readonly currency: string | null;
    readonly gross_amount: number | null;
    readonly net_revenue_amount: number | null;
  }[];
  readonly quarterHours: readonly {
    readonly started_at: string;
    readonly energy_kwh: number | null;
    readonly peak_kw: number | null;
    readonly average_kw: number | null;
  }[];
  readonly curve: {
    readonly topic: string;
    readonly values: readonly (readonly [at: string, value: unknown])[];
  } | null;
}

/** One session: its power at full resolution, its quarter hours, energy and money. */
export function SessionDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const loaded = useLoaded((signal) => api.get<SessionDetails>(apiPath`sessions/${id}`, { signal }), [id]);
  return (
    <Dialog title={`Session ${id}`} wide onClose={onClose}>
      <LoadedView of={loaded} what={`session ${id}`} lines={8}>
        {(details) => <Details details={details} />}
      </LoadedView>
    </Dialog>
  );
}

function Details({ details }: { details: SessionDetails }) {
  const { session, payments, curve } = details;
  const start = Date.parse(session.started_at);
  const end = session.ended_at === null ? Date.now() : Date.parse(session.ended_at);
  const [range, setRange] = useState({ from: start, to: Math.max(end, start + 60_000) });
  const series = useMemo(() => seriesOf(details, end), [details]);
  const vehicle = [session.vehicle_model_year, session.vehicle_make, session.vehicle_model].filter(Boolean);
  const facts: readonly (readonly [string, preact.ComponentChildren])[] = [
    ["Port", session.port_number ?? NONE],
    [
      "From",
      <span key="from">
        <Time at={session.started_at} /> to{" "}
        {session.ended_at ? <Time at={session.ended_at} /> : "now: active"}
      </span>,
    ],
    ["Energy", energy(session.energy_kwh)],
    ["Connected, charging", `${seconds(session.connected_seconds)}, ${seconds(session.charging_seconds)}`],
    [
      "Battery",
      `${anyValue(session.start_battery_percent)} % to ${anyValue(session.stop_battery_percent)} %`,
    ],
    ["Ended by", session.ended_by ?? NONE],
    ["Vehicle", vehicle.length === 0 ? NONE : <bdi key="vehicle">{vehicle.join(" ")}</bdi>],
    ["Driver", session.user_id ?? "not known, or withheld"],
    ...payments.map(
      ({ type, currency, gross_amount, net_revenue_amount }) =>
        [
          type ? `Payment, ${type.toLowerCase()}` : "Payment",
          `${anyValue(gross_amount)} ${currency ?? ""} paid, ${anyValue(net_revenue_amount)} ${currency ?? ""} to the organisation`,
        ] as const,
    ),
  ];
  return (
    <>
      <dl class="facts">
        {facts.map(([name, fact], index) => (
          <div key={index}>
            <dt>{name}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
      </dl>
      {series.length === 0 ? (
        <p class="quiet">
          No power was stored: the bridge did not read the port's load then, and the network has no quarter
          hours yet.
        </p>
      ) : (
        <Chart
          title="Power"
          series={series}
          range={range}
          onZoom={(next) => typeof next === "object" && setRange(next)}
          csv={curve ? downloadHref([curve.topic], start, end) : undefined}
        />
      )}
    </>
  );
}

function seriesOf({ curve, quarterHours }: SessionDetails, end: number): ChartSeries[] {
  const series: ChartSeries[] = [];
  if (curve && curve.values.length > 0)
    series.push({
      label: "Load",
      unit: "kW",
      times: curve.values.map(([at]) => Date.parse(at)),
      values: curve.values.map(([, value]) => (typeof value === "number" ? value : null)),
    });
  const last = quarterHours.at(-1);
  if (last)
    series.push({
      ...{ label: "Quarter hours, average", unit: "kW", step: true, colour: 2 },
      // The last one holds until the session ended.
      times: [...quarterHours.map(({ started_at }) => Date.parse(started_at)), end],
      values: [...quarterHours.map(({ average_kw }) => average_kw), last.average_kw],
    });
  return series;
}

const seconds = (value: number | null): string => (value === null ? NONE : duration(value * 1000));
