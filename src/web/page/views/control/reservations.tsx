import { useMemo, useState } from "preact/hooks";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { ActionDialog } from "../../kit/controls/dialog-form.tsx";
import { PeriodFields, SelectField, TextField } from "../../kit/controls/field.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { counted, fieldTime, nextHour } from "../../kit/text/format.ts";
import { Empty } from "../../kit/text/loading.tsx";
import { Name, StationLink } from "../../kit/text/name.tsx";
import { type MarkedState, StateMark } from "../../kit/text/state-mark.tsx";
import { Time } from "../../kit/text/time.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { stationName } from "../../state/bridge/devices.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api, apiPath } from "../../state/requests/api.ts";
import { ApiError } from "../../state/requests/api-error.ts";
import { StationPicker } from "./station-picker.tsx";

type Slot = readonly [device: string, start: string, end: string];
type Priority = "HIGH" | "LOW" | "LOW_PREEMPT";

export interface Reservation {
  readonly taskId: string;
  readonly requester: string;
  readonly priority: Priority;
  readonly state: "waiting" | "running" | "preempted";
  readonly slots: readonly Slot[];
}

type Open =
  | { readonly kind: "make" }
  | { readonly kind: "cancel" | "slots"; readonly reservation: Reservation };

/** Who has reserved which stations, and when. */
export function Reservations({
  list,
  may,
  onChange,
}: {
  list: readonly Reservation[];
  may: boolean;
  onChange: () => void;
}) {
  const [open, setOpen] = useState<Open>();
  const me = useSignalValue(bridge)?.caller?.name;
  const columns = useMemo(() => columnsOf(may, me, setOpen), [may, me]);
  const close = (): void => setOpen(undefined);
  return (
    <>
      <div class="toolbar">
        <p class="quiet">
          While a station is reserved, only the one who reserved it sets and reverts. It is read as before.
        </p>
        <span class="spring" />
        {may && (
          <button type="button" class="button" onClick={() => setOpen({ kind: "make" })}>
            Reserve stations…
          </button>
        )}
      </div>
      <DataTable
        caption="Reservations"
        rows={list}
        columns={columns}
        keyOf={({ requester, taskId }) => `${requester} ${taskId}`}
        empty={
          <Empty title="No station is reserved.">
            Programs that speak VOLTTRON's scheduler reserve stations for the times in which they control
            them; so can you.
          </Empty>
        }
      />
      {open?.kind === "make" && <Reserve onDone={onChange} onClose={close} />}
      {open?.kind === "slots" && <Slots reservation={open.reservation} onClose={close} />}
      {open?.kind === "cancel" && (
        <ActionDialog
          title="Cancel the reservation"
          action="Cancel the reservation"
          what="the end of the reservation"
          run={async () => {
            await api.delete(apiPath`reservations/${open.reservation.taskId}`);
            return `The reservation ${open.reservation.taskId} is cancelled.`;
          }}
          onDone={onChange}
          onClose={close}
        >
          <p class="effect">
            <Name text={open.reservation.taskId} /> gives up all its times:{" "}
            {devicesOf(open.reservation).map(stationName).join(", ")}. What it has set stays set.
          </p>
        </ActionDialog>
      )}
    </>
  );
}

const devicesOf = ({ slots }: Reservation): string[] => [...new Set(slots.map(([device]) => device))];

const STATES: Readonly<Record<Reservation["state"], readonly [MarkedState, string]>> = {
  waiting: ["available", "waiting"],
  running: ["in_use", "running"],
  preempted: ["limited", "preempted"],
};

const edge = (slots: readonly Slot[], index: 1 | 2, way: 1 | -1): number =>
  way * Math.max(...slots.map((slot) => way * Date.parse(slot[index])));

function columnsOf(
  may: boolean,
  me: string | undefined,
  onOpen: (open: Open) => void,
): readonly Column<Reservation>[] {
  const columns: Column<Reservation>[] = [
    { id: "task", title: "Task", header: true, cell: ({ taskId }) => <Name text={taskId} /> },
    { id: "by", title: "Reserved by", width: "176px", cell: ({ requester }) => <Name text={requester} /> },
    { id: "priority", title: "Priority", width: "128px", wideOnly: true, cell: ({ priority }) => priority },
    {
      id: "state",
      title: "State",
      width: "128px",
      cell: ({ state }) => <StateMark state={STATES[state][0]} text={STATES[state][1]} />,
    },
    {
      id: "from",
      title: "From",
      width: "144px",
      cell: ({ slots }) => <Time at={edge(slots, 1, -1)} seconds={false} />,
    },
    {
      id: "to",
      title: "To",
      width: "144px",
      cell: ({ slots }) => <Time at={edge(slots, 2, 1)} seconds={false} />,
    },
    {
      id: "slots",
      title: "Stations and times",
      width: "176px",
      cell: (reservation) => {
        const stations = devicesOf(reservation).length;
        const { length } = reservation.slots;
        return (
          <button
            type="button"
            class="link"
            aria-label={`Stations and times of ${reservation.taskId}`}
            onClick={() => onOpen({ kind: "slots", reservation })}
          >
            {counted(stations, "station")}
            {length > stations && `, ${length} times`}
          </button>
        );
      },
    },
  ];
  if (!may) return columns;
  return [
    ...columns,
    {
      id: "cancel",
      title: "Command",
      width: "96px",
      cell: (reservation) =>
        reservation.requester === me ? (
          <button
            type="button"
            class="link"
            aria-label={`Cancel the reservation ${reservation.taskId}`}
            onClick={() => onOpen({ kind: "cancel", reservation })}
          >
            Cancel
          </button>
        ) : (
          <span class="quiet" title="Only the one who reserved can cancel.">
            of another
          </span>
        ),
    },
  ];
}

function Slots({
  reservation: { taskId, slots },
  onClose,
}: {
  reservation: Reservation;
  onClose: () => void;
}) {
  return (
    <Dialog title={`Stations and times of ${taskId}`} onClose={onClose}>
      <ul class="several">
        {slots.map(([device, start, end]) => (
          <li key={`${device} ${start}`}>
            <StationLink device={device} />
            <span>
              <Time at={start} seconds={false} /> to <Time at={end} seconds={false} />
            </span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

const PRIORITIES: readonly (readonly [Priority, string, string])[] = [
  ["LOW", "low", "Gives way to a high one until its first time has begun."],
  ["LOW_PREEMPT", "low, can be preempted", "Gives way to a high one at any time."],
  ["HIGH", "high", "Takes stations from low ones that have not begun, and from those that can be preempted."],
];

function Reserve({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const [task, setTask] = useState("");
  const [priority, setPriority] = useState<Priority>("LOW");
  const [stations, setStations] = useState<readonly string[]>([]);
  const [from, setFrom] = useState(() => fieldTime(nextHour()));
  const [to, setTo] = useState(() => fieldTime(nextHour() + 3_600_000));
  const start = Date.parse(from);
  const end = Date.parse(to);
  const isOrdered = start < end;
  return (
    <ActionDialog
      title="Reserve stations"
      action="Reserve"
      what="the reservation"
      disabled={task.trim() === "" || stations.length === 0 || !isOrdered}
      run={async () => {
        const [startText, endText] = [start, end].map((at) => new Date(at).toISOString());
        const slots = stations.map((device) => [device, startText, endText]);
        await reserved(api.post("reservations", { taskId: task.trim(), priority, slots }));
        return `${task.trim()} has reserved ${counted(stations.length, "station")}.`;
      }}
      onDone={onDone}
      onClose={onClose}
    >
      <TextField
        label="Name of the task"
        value={task}
        onValue={setTask}
        maxLength={1000}
        required
        hint="By this name it is listed and cancelled."
      />
      <StationPicker several chosen={stations} onChoose={setStations} />
      <PeriodFields {...{ from, to }} onFrom={setFrom} onTo={setTo} />
      <SelectField
        label="Priority"
        value={priority}
        choices={PRIORITIES.map(([value, text]) => [value, text] as const)}
        onValue={setPriority}
        hint={PRIORITIES.find(([value]) => value === priority)?.[2]}
      />
    </ActionDialog>
  );
}

type Conflicts = Readonly<Record<string, Readonly<Record<string, readonly Slot[]>>>>;

/** Names what is in the way in the words of the page. */
async function reserved(answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    const schedule =
      error instanceof ApiError
        ? (error.problem.schedule as { info: string; data: Conflicts } | undefined)
        : undefined;
    if (!(error instanceof ApiError) || schedule?.info !== "CONFLICTS_WITH_EXISTING_SCHEDULES") throw error;
    const inTheWay = Object.entries(schedule.data).flatMap(([requester, tasks]) =>
      Object.entries(tasks).map(
        ([task, slots]) =>
          `${[...new Set(slots.map(([device]) => stationName(device)))].join(", ")} by ${requester} (task ${task})`,
      ),
    );
    throw new ApiError(error.status, {
      ...error.problem,
      title: "Reserved already",
      detail: `in these times there is ${inTheWay.join("; ")}.`,
    });
  }
}
