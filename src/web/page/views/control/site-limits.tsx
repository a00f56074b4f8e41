import { useMemo, useState } from "preact/hooks";
import { ActionDialog } from "../../kit/controls/dialog-form.tsx";
import { CheckBox, TextField } from "../../kit/controls/field.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { NONE, shortPower } from "../../kit/text/format.ts";
import { Empty } from "../../kit/text/loading.tsx";
import { Name, StationLink } from "../../kit/text/name.tsx";
import { type MarkedState, StateMark } from "../../kit/text/state-mark.tsx";
import { deviceCell } from "../../state/bridge/devices.ts";
import { api, apiPath } from "../../state/requests/api.ts";

export interface LimitGroup {
  readonly group: string;
  readonly maxKw: number | null;
  readonly loadKw: number;
  readonly mayDrawKw: number;
  readonly busy: number;
  readonly waiting: number;
  readonly outlets: readonly Outlet[];
}

interface Outlet {
  readonly device: string;
  readonly point: string;
  readonly state: "charging" | "waiting" | "idle" | "unknown";
  readonly loadKw: number | null;
  readonly limitKw: number | null;
  readonly nominalKw: number;
  readonly trouble?: string;
}

/** Each group with its demand and limit, and the share of each port. */
export function SiteLimits({
  groups,
  may,
  onChange,
}: {
  groups: readonly LimitGroup[];
  may: boolean;
  onChange: () => void;
}) {
  const [changing, setChanging] = useState<string>();
  const changed = groups.find(({ group }) => group === changing);
  if (groups.length === 0)
    return (
      <Empty title="There is no site limit.">
        <p>
          A site limit keeps the load of many ports together under a limit, and shares it fairly. Add one to
          the bridge config, then reload it in <a href="/system#configs">System</a>:
        </p>
        <pre>{'"limits": { "garage": { "devices": ["campus/garage/*"], "max_kw": 60 } }'}</pre>
      </Empty>
    );
  return (
    <div class="stack wide">
      {groups.map((one) => (
        <Group key={one.group} group={one} onChange={may ? () => setChanging(one.group) : undefined} />
      ))}
      {changed && <ChangeLimit group={changed} onDone={onChange} onClose={() => setChanging(undefined)} />}
    </div>
  );
}

function Group({ group, onChange }: { group: LimitGroup; onChange: (() => void) | undefined }) {
  const { group: name, maxKw, loadKw, mayDrawKw, busy, waiting, outlets } = group;
  const troubles = outlets.filter(({ trouble }) => trouble !== undefined).length;
  const isOver = maxKw !== null && mayDrawKw > maxKw + 0.005;
  const scale = Math.max(maxKw ?? 0, mayDrawKw, loadKw, 0.1);
  const figures = [
    ["drawn now", shortPower(loadKw)],
    ["limit", maxKw === null ? "none" : shortPower(maxKw)],
    ["may draw at most", shortPower(mayDrawKw)],
    ["ports", `${outlets.length}: ${busy} busy, ${waiting} waiting`],
  ] as const;
  return (
    <section class="stack tight" aria-label={`Site limit ${name}`}>
      <div class="row apart">
        <h2>
          <Name text={name} />
        </h2>
        {onChange && (
          <button type="button" class="button" aria-label={`Change the limit of ${name}`} onClick={onChange}>
            Change the limit…
          </button>
        )}
      </div>
      <dl class="figures">
        {figures.map(([title, value]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Bar load={loadKw / scale} may={mayDrawKw / scale} limit={maxKw === null ? undefined : maxKw / scale} />
      {isOver && (
        <p class="late">
          The ports may draw {shortPower(mayDrawKw)}, more than the limit: the bridge takes it away port by
          port, and gives nothing out until it fits. What prevents it is beside the ports below, and in{" "}
          <a href="/alarms">Alarms</a>.
        </p>
      )}
      {troubles > 0 && (
        <p class="late">
          {troubles === 1 ? "One port takes" : `${troubles} ports take`} no limit at present; it counts with
          all that it may draw.
        </p>
      )}
      <DataTable
        caption={`Ports of the site limit ${name}`}
        rows={outlets}
        columns={troubles > 0 ? [...OUTLETS, TROUBLE] : OUTLETS}
        keyOf={({ device, point }) => `${device}/${point}`}
        keys={false}
        empty={<p class="quiet">No device of the bridge matches the patterns of this group.</p>}
      />
    </section>
  );
}

/** Shares of the width: what is drawn, what may be drawn, the limit. The numbers stand beside it. */
function Bar({ load, may, limit }: { load: number; may: number; limit?: number | undefined }) {
  const percent = (share: number): string => `${Math.min(100, Math.max(0, share * 100)).toFixed(1)}%`;
  return (
    <div class="bar" aria-hidden="true">
      <span class="may" style={{ width: percent(may) }} />
      <span class="load" style={{ width: percent(load) }} />
      {limit !== undefined && <span class="most" style={{ left: percent(limit) }} />}
    </div>
  );
}

const OUTLET_STATES: Readonly<Record<Outlet["state"], readonly [MarkedState, string]>> = {
  charging: ["in_use", "charging"],
  waiting: ["limited", "waiting"],
  idle: ["available", "idle"],
  unknown: ["unknown", "unknown"],
};

/** Port of the station that a point limits. */
function portOfPoint({ device, point }: Outlet): string {
  const ports = deviceCell(device)?.view.peek().ports ?? [];
  return ports.find(({ limitPoint }) => limitPoint === point)?.port ?? point;
}

const OUTLETS: readonly Column<Outlet>[] = [
  { id: "station", title: "Station", header: true, cell: ({ device }) => <StationLink device={device} /> },
  { id: "port", title: "Port", width: "96px", cell: (row) => <Name text={portOfPoint(row)} /> },
  {
    id: "state",
    title: "State",
    width: "128px",
    cell: ({ state }) => <StateMark state={OUTLET_STATES[state][0]} text={OUTLET_STATES[state][1]} />,
  },
  { id: "load", title: "Load", width: "96px", numeric: true, cell: ({ loadKw }) => shortPower(loadKw) },
  {
    id: "limit",
    title: "Share",
    width: "96px",
    numeric: true,
    cell: ({ limitKw }) => (limitKw === null ? "no limit" : shortPower(limitKw)),
  },
  {
    id: "nominal",
    title: "Can draw",
    width: "96px",
    numeric: true,
    cell: ({ nominalKw }) => shortPower(nominalKw),
  },
  {
    id: "bar",
    title: "Load in its share",
    width: "22%",
    wideOnly: true,
    cell: ({ loadKw, limitKw, nominalKw }) => (
      <Bar
        load={(loadKw ?? 0) / nominalKw}
        may={(limitKw ?? nominalKw) / nominalKw}
        limit={limitKw === null ? undefined : limitKw / nominalKw}
      />
    ),
  },
];

const TROUBLE: Column<Outlet> = {
  id: "trouble",
  title: "Trouble",
  cell: ({ trouble }) => (trouble === undefined ? NONE : <Name text={trouble} class="late" />),
};

function ChangeLimit({
  group: { group, maxKw, loadKw, outlets },
  onDone,
  onClose,
}: {
  group: LimitGroup;
  onDone: () => void;
  onClose: () => void;
}) {
  const [isNone, setNone] = useState(maxKw === null);
  const [text, setText] = useState(maxKw === null ? "" : String(maxKw));
  const kw = isNone ? null : Number(text);
  const isValid = isNone || (text.trim() !== "" && Number.isFinite(kw) && kw! >= 0);
  const nominal = useMemo(() => outlets.reduce((sum, one) => sum + one.nominalKw, 0), [outlets]);
  return (
    <ActionDialog
      title={
        <>
          Limit of <Name text={group} />
        </>
      }
      action={kw === null ? "Take the limit away" : "Set the limit"}
      what={`the limit of ${group}`}
      hold={kw === 0}
      disabled={!isValid}
      run={async () => {
        const { maxKw: now } = await api.put<LimitGroup>(apiPath`limits/${group}`, { kw });
        return now === null
          ? `${group} has no limit any more: its ports are freed one after the other.`
          : `The limit of ${group} is ${shortPower(now)} from now on.`;
      }}
      onDone={onDone}
      onClose={onClose}
    >
      <CheckBox label="No limit" checked={isNone} onChange={setNone} />
      {!isNone && (
        <TextField
          label="Limit of all ports together, kW"
          type="number"
          inputMode="decimal"
          min={0}
          step="any"
          value={text}
          onValue={setText}
          hint={`They can draw ${shortPower(nominal)} without a limit, and draw ${shortPower(loadKw)} now.`}
          error={isValid || text === "" ? undefined : "Give a number of 0 or more."}
        />
      )}
      {isValid && (
        <p class="effect">
          {kw === null
            ? `The ${outlets.length} ports of ${group} may draw all that they can, up to ${shortPower(nominal)}.`
            : kw === 0
              ? `All ${outlets.length} ports of ${group} stop charging.`
              : `The ${outlets.length} ports of ${group} will together draw at most ${shortPower(kw)}; they draw ${shortPower(loadKw)} now.`}{" "}
          It is kept over restarts, until max_kw in the config is changed.
        </p>
      )}
    </ActionDialog>
  );
}
