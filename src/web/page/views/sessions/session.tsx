import { useMemo, useState } from "preact/hooks";
import { Chart } from "../../kit/chart/chart.tsx";
import type { ChartBand, ChartSeries } from "../../kit/chart/chart-data.ts";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { type Fact, Facts } from "../../kit/text/facts.tsx";
import { duration, energy, money, NONE, power } from "../../kit/text/format.ts";
import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { Time } from "../../kit/text/time.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { devices, stationName } from "../../state/bridge/devices.ts";
import { downloadHref, valuesOf } from "../../state/bridge/history.ts";
import { stationHref } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api, apiPath } from "../../state/requests/api.ts";
import { ApiError } from "../../state/requests/api-error.ts";
import { useFollowed, useLoaded } from "../../state/requests/loaded.ts";
import type { PaymentRow, QuarterHour, SessionDetails, SessionRow } from "./answers.ts";
import { connectedFor } from "./session-table.tsx";

/** Interval at which an active session is loaded again, in seconds. */
const AGAIN = 30;
const QUARTER = 900_000;

/** One session: when, where, how much, who, what it cost, and its power curve. */
export function SessionView({ id }: { id: string }) {
  const loaded = useLoaded((signal) => api.get<SessionDetails>(apiPath`sessions/${id}`, { signal }), [id]);
  const isActive = loaded.value?.session.ended_at === null;
  useFollowed(loaded, { seconds: isActive ? AGAIN : undefined });
  const { error } = loaded;
  return (
    <div class="stack sessions-view">
      <p>
        <a href="/sessions">← All sessions</a>
      </p>
      <PageHeading title={`Session ${id}`} />
      {error instanceof ApiError && error.kind === "session_not_found" ? (
        <Empty title={`There is no session ${id}.`}>
          The bridge may not have read it yet. Earlier sessions come with{" "}
          <code>voltbridge sessions sync</code>.
        </Empty>
      ) : (
        <LoadedView of={loaded} what={`session ${id}`} lines={12}>
          {(details) => <Known details={details} />}
        </LoadedView>
      )}
    </div>
  );
}

function Known({ details }: { details: SessionDetails }) {
  const { session, payments, quarterHours, device } = details;
  return (
    <>
      <SessionFacts session={session} device={device} />
      <Curve details={details} />
      {quarterHours.length > 0 && (
        <section class="stack" aria-labelledby="quarters">
          <h2 id="quarters">Quarter hours</h2>
          <DataTable
            caption="Quarter hours, as the network measured them"
            rows={quarterHours}
            columns={QUARTERS}
            keyOf={({ started_at }) => started_at}
            keys={false}
          />
        </section>
      )}
      <section class="stack" aria-labelledby="payments">
        <h2 id="payments">Payments</h2>
        <DataTable
          caption="Payments of this session"
          rows={payments}
          columns={PAYMENTS}
          keyOf={({ transaction_id }) => transaction_id}
          keys={false}
          empty={<p class="quiet">None so far. The network reports payments some time after the end.</p>}
        />
      </section>
    </>
  );
}

function SessionFacts({ session, device }: { session: SessionRow; device: string | null }) {
  const caller = useSignalValue(bridge)?.caller;
  useSignalValue(devices);
  const { started_at, ended_at, energy_kwh, charging_seconds, port_number, station_id } = session;
  const charging = charging_seconds === null ? undefined : charging_seconds * 1000;
  const battery = batteryOf(session);
  const vehicle = [session.vehicle_make, session.vehicle_model, session.vehicle_model_year]
    .filter(Boolean)
    .join(" ");
  const station =
    device === null ? (
      <>
        <Name text={station_id} /> <span class="quiet">not a device of this bridge</span>
      </>
    ) : (
      <a href={stationHref(device)}>
        <Name text={stationName(device)} />
      </a>
    );
  return (
    <Facts
      facts={[
        [
          "Station",
          <>
            {station}
            {port_number !== null && ` port ${port_number}`}
          </>,
        ],
        ["Start", <Time at={started_at} />],
        ["End", ended_at === null ? <StateMark state="in_use" text="active" /> : <Time at={ended_at} />],
        [
          "Connected",
          duration(connectedFor(session)) +
            (charging === undefined ? "" : `, ${duration(charging)} of it charging`),
        ],
        [
          "Energy",
          energy(energy_kwh) +
            (ended_at === null ? " so far" : "") +
            (energy_kwh !== null && charging
              ? `, ${power(energy_kwh / (charging / 3_600_000))} in the mean`
              : ""),
        ],
        battery && ["Battery", battery],
        session.ended_by !== null && ["Ended by", session.ended_by],
        vehicle && ["Vehicle", vehicle],
        session.opted_out && [
          "Opted out",
          <>
            of a planned load shed, <Time at={session.opted_out_at} />
          </>,
        ],
        ...(caller?.personalData
          ? personOf(session)
          : [
              [
                "Driver",
                <span class="quiet">
                  Personal data: your role, {caller?.role ?? "view"}, does not show it.
                </span>,
              ] as const,
            ]),
      ]}
    />
  );
}

/** Who charged: only for readers who may see personal data. */
function personOf(session: SessionRow): readonly Fact[] {
  const known = [
    ["Driver", session.user_id],
    ["Card or app", session.credential_id],
    ["Serial of the card", session.rfid_serial_number],
    ["Vehicle id", session.vehicle_id],
    ["Vehicle MAC", session.vehicle_mac],
    ["Payment terminal", session.payment_terminal],
  ].flatMap(([name, text]): Fact[] => (text ? [[name!, <bdi key={name}>{text}</bdi>]] : []));
  return known.length > 0 ? known : [["Driver", <span class="quiet">not known</span>]];
}

/** `78 % to 88 %`; the network knows both of few vehicles. */
function batteryOf({ start_battery_percent: start, stop_battery_percent: stop }: SessionRow): string {
  const percent = (value: number): string => `${Math.round(value)} %`;
  if (start !== null && stop !== null) return `${percent(start)} to ${percent(stop)}`;
  if (start !== null) return `${percent(start)} at the start`;
  return stop === null ? "" : `${percent(stop)} at the end`;
}

/** The load of the port while the session ran, every stored value of it, and the means of the network's quarter hours. */
function Curve({ details }: { details: SessionDetails }) {
  const { session, quarterHours, device, curve } = details;
  const info = useSignalValue(bridge);
  const [zoom, setZoom] = useState<{ from: number; to: number }>();
  const { series, bands, whole } = useMemo(() => contentOf(details), [details]);
  if (series.every(({ times }) => times.length === 0))
    return (
      <Empty title="The power curve would be here.">
        {device === null
          ? "The station is not a device of this bridge, so its load was not stored, and the network has no quarter hours of the session yet."
          : info?.has.history === false
            ? "This bridge stores no values: set historian.backend in its config and restart it."
            : curve === null
              ? "The registry of the station has no row for the load of this port."
              : "No load was stored while the session ran: the bridge began later, or could not read the station. History says why values are missing."}
      </Empty>
    );
  const end = session.ended_at === null ? Date.now() : Date.parse(session.ended_at);
  return (
    <Chart
      title="Power"
      series={series}
      bands={bands}
      range={zoom ?? whole}
      onZoom={(range) => {
        if (typeof range !== "string") setZoom(range);
      }}
      csv={curve ? downloadHref([curve.topic], Date.parse(session.started_at), end) : undefined}
      height={280}
      note={quarterHours.length > 0 ? "dashed: mean of each quarter hour" : undefined}
    />
  );
}

function contentOf({ session, quarterHours, curve }: SessionDetails): {
  series: readonly ChartSeries[];
  bands: readonly ChartBand[];
  whole: { from: number; to: number };
} {
  const from = Date.parse(session.started_at);
  const to = session.ended_at === null ? Date.now() : Date.parse(session.ended_at);
  const margin = Math.max(60_000, (to - from) * 0.03);
  const series: ChartSeries[] = [];
  if (curve) series.push({ ...valuesOf(curve.values), label: "Load", unit: "kW", colour: 1 });
  if (quarterHours.length > 0)
    series.push({
      label: "Quarter hours",
      unit: "kW",
      colour: 2,
      step: true,
      dashed: true,
      holds: QUARTER,
      // The last one holds until the session ended.
      times: [...quarterHours.map(({ started_at }) => Date.parse(started_at)), to],
      values: [...quarterHours.map(({ average_kw }) => average_kw), null],
    });
  return {
    series,
    bands: [{ from, to, label: `Session ${session.session_id}` }],
    whole: { from: from - margin, to: to + margin },
  };
}

const QUARTERS: readonly Column<QuarterHour>[] = [
  { id: "from", title: "From", header: true, cell: ({ started_at }) => <Time at={started_at} /> },
  { id: "energy", title: "Energy", numeric: true, cell: ({ energy_kwh }) => energy(energy_kwh) },
  { id: "mean", title: "Mean", numeric: true, cell: ({ average_kw }) => power(average_kw) },
  { id: "peak", title: "Peak", numeric: true, cell: ({ peak_kw }) => power(peak_kw) },
];

const PAYMENTS: readonly Column<PaymentRow>[] = [
  {
    id: "reported",
    title: "Reported",
    header: true,
    cell: ({ reported_at }) => <Time at={reported_at} />,
  },
  { id: "type", title: "Type", cell: ({ type }) => type ?? NONE },
  { id: "rule", title: "Price", cell: ({ pricing_rule }) => <Name text={pricing_rule ?? NONE} /> },
  amount("paid", "Paid", "gross_amount"),
  amount("fee", "Fee of the network", "service_fee_amount"),
  amount("tax", "Tax", "tax_amount"),
  amount("revenue", "To you", "net_revenue_amount"),
];

function amount(
  id: string,
  title: string,
  of: "gross_amount" | "service_fee_amount" | "tax_amount" | "net_revenue_amount",
): Column<PaymentRow> {
  return { id, title, numeric: true, cell: (row) => money(row[of], row.currency) };
}
