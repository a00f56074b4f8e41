import { useMemo, useState } from "preact/hooks";
import { ActionDialog } from "../../kit/controls/dialog-form.tsx";
import { CheckBox, SelectField, TextField } from "../../kit/controls/field.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { fieldTime, NONE, nextHour } from "../../kit/text/format.ts";
import { Empty } from "../../kit/text/loading.tsx";
import { Name, StationLink } from "../../kit/text/name.tsx";
import { Time } from "../../kit/text/time.tsx";
import { stationName } from "../../state/bridge/devices.ts";
import { api, apiPath } from "../../state/requests/api.ts";
import { StationPicker } from "./station-picker.tsx";

export interface PlannedEvent {
  readonly id: string | null;
  readonly device: string;
  readonly group?: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly kw?: number;
  readonly percent?: number;
  readonly allowOptOut: boolean;
  readonly requester: string;
}

type Open = { readonly kind: "plan" } | { readonly kind: "remove"; readonly event: PlannedEvent };

/** Load shed events that the network carries out by itself. */
export function PlannedEvents({
  list,
  may,
  onChange,
}: {
  list: readonly PlannedEvent[];
  may: boolean;
  onChange: () => void;
}) {
  const [open, setOpen] = useState<Open>();
  const columns = useMemo(() => columnsOf(may, setOpen), [may]);
  const close = (): void => setOpen(undefined);
  return (
    <>
      <div class="toolbar">
        <p class="quiet">
          Planned limits that the network applies itself, also while this bridge does not run. Drivers may opt
          out. Only for accounts with demand response.
        </p>
        <span class="spring" />
        {may && (
          <button type="button" class="button" onClick={() => setOpen({ kind: "plan" })}>
            Plan an event…
          </button>
        )}
      </div>
      <DataTable
        caption="Planned load shed events"
        rows={list}
        columns={columns}
        keyOf={({ id, device, startsAt }) => id ?? `${device} ${startsAt}`}
        empty={
          <Empty title="No load shed event is planned from here.">
            For limits that begin now, set one on the page of a <a href="/">station</a>.
          </Empty>
        }
      />
      {open?.kind === "plan" && <Plan onDone={onChange} onClose={close} />}
      {open?.kind === "remove" && (
        <ActionDialog
          title="Remove the event"
          action="Remove the event"
          what="the removal of the event"
          run={async () => {
            await api.delete(apiPath`events/${open.event.id!}`);
            return `The event of ${stationName(open.event.device)} is removed.`;
          }}
          onDone={onChange}
          onClose={close}
        >
          <p class="effect">
            The network will not limit <Name text={targetOf(open.event)} /> from{" "}
            <Time at={open.event.startsAt} seconds={false} /> to{" "}
            <Time at={open.event.endsAt} seconds={false} />.
          </p>
        </ActionDialog>
      )}
    </>
  );
}

const targetOf = ({ device, group }: PlannedEvent): string =>
  group === undefined ? stationName(device) : `group ${group}`;

const limitOf = ({ kw, percent }: PlannedEvent): string =>
  kw !== undefined ? `${kw} kW a port` : percent !== undefined ? `${percent} % less` : NONE;

function columnsOf(may: boolean, onOpen: (open: Open) => void): readonly Column<PlannedEvent>[] {
  const columns: Column<PlannedEvent>[] = [
    { id: "station", title: "Station", header: true, cell: ({ device }) => <StationLink device={device} /> },
    { id: "group", title: "Group", width: "128px", wideOnly: true, cell: ({ group }) => group ?? NONE },
    { id: "limit", title: "Limit", width: "128px", cell: limitOf },
    {
      id: "starts",
      title: "Starts",
      width: "144px",
      cell: ({ startsAt }) => <Time at={startsAt} seconds={false} />,
    },
    {
      id: "ends",
      title: "Ends",
      width: "144px",
      cell: ({ endsAt }) => <Time at={endsAt} seconds={false} />,
    },
    {
      id: "opt",
      title: "Drivers opt out",
      width: "128px",
      wideOnly: true,
      cell: ({ allowOptOut }) => (allowOptOut ? "may" : "may not"),
    },
    { id: "by", title: "Planned by", width: "144px", cell: ({ requester }) => <Name text={requester} /> },
  ];
  if (!may) return columns;
  return [
    ...columns,
    {
      id: "remove",
      title: "Command",
      width: "96px",
      cell: (event) =>
        event.id === null ? (
          <span class="quiet" title="The network gave no id for it.">
            no id
          </span>
        ) : Date.parse(event.startsAt) <= Date.now() ? (
          <span class="quiet" title="The network removes an event only before it begins.">
            has begun
          </span>
        ) : (
          <button
            type="button"
            class="link"
            aria-label={`Remove the event of ${stationName(event.device)}`}
            onClick={() => onOpen({ kind: "remove", event })}
          >
            Remove
          </button>
        ),
    },
  ];
}

function Plan({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const [stations, setStations] = useState<readonly string[]>([]);
  const [start, setStart] = useState(() => fieldTime(nextHour()));
  const [minutes, setMinutes] = useState("60");
  const [kind, setKind] = useState<"kw" | "percent">("kw");
  const [amount, setAmount] = useState("3");
  const [group, setGroup] = useState("");
  const [allowOptOut, setOptOut] = useState(true);
  const [device] = stations;
  const startsAt = Date.parse(start);
  const isFuture = startsAt > Date.now();
  const isLong = Number(minutes) > 0;
  const isAmount = amount.trim() !== "" && Number(amount) >= 0 && (kind === "kw" || Number(amount) <= 100);
  return (
    <ActionDialog
      title="Plan a load shed event"
      action="Plan the event"
      what="the event"
      disabled={device === undefined || !isFuture || !isLong || !isAmount}
      hold={isAmount && Number(amount) === (kind === "kw" ? 0 : 100)}
      run={async () => {
        const planned = await api.post<PlannedEvent>("events", {
          device,
          startsAt: new Date(startsAt).toISOString(),
          durationMinutes: Number(minutes),
          [kind]: Number(amount),
          ...(group.trim() !== "" && { group: group.trim() }),
          allowOptOut,
        });
        return `The event of ${targetOf(planned)} is planned${planned.id === null ? "" : ` (id ${planned.id})`}.`;
      }}
      onDone={onDone}
      onClose={onClose}
    >
      <StationPicker chosen={stations} onChoose={setStations} />
      <div class="pair">
        <TextField
          label="Starts"
          type="datetime-local"
          value={start}
          onValue={setStart}
          hint="In your local time."
          error={isFuture ? undefined : "Choose a time in the future."}
        />
        <TextField
          label="Minutes"
          type="number"
          inputMode="numeric"
          min={1}
          value={minutes}
          onValue={setMinutes}
          error={isLong ? undefined : "Give a number of minutes."}
        />
      </div>
      <div class="pair">
        <SelectField
          label="Limit"
          value={kind}
          choices={[
            ["kw", "kW at most, each port"],
            ["percent", "percent less than at its start"],
          ]}
          onValue={setKind}
        />
        <TextField
          label={kind === "kw" ? "kW" : "Percent"}
          type="number"
          inputMode="decimal"
          min={0}
          max={kind === "percent" ? 100 : undefined}
          step="any"
          value={amount}
          onValue={setAmount}
          error={isAmount ? undefined : kind === "kw" ? "Give 0 or more." : "Give 0 to 100."}
        />
      </div>
      {kind === "percent" && (
        <p class="quiet">A station that delivers nothing when it begins stays at 0 kW until it ends.</p>
      )}
      <TextField
        label="Group of the network (optional)"
        value={group}
        onValue={setGroup}
        hint="Its id: the event is then for every station of the group, not for this one alone."
      />
      <CheckBox label="Drivers may opt out" checked={allowOptOut} onChange={setOptOut} />
    </ActionDialog>
  );
}
