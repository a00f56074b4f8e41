import { useEffect, useState } from "preact/hooks";
import type { CommandView, DeviceDetails } from "../../../schemas.ts";
import { type Column, DataTable } from "../../kit/data-table.tsx";
import { anyValue, NONE } from "../../kit/format.ts";
import { Empty, LoadedView } from "../../kit/loading.tsx";
import { Name } from "../../kit/name.tsx";
import { Time } from "../../kit/time.tsx";
import { api } from "../../state/api.ts";
import { bridge } from "../../state/bridge.ts";
import { onLive } from "../../state/live.ts";
import { useLoaded } from "../../state/loaded.ts";
import { useSignalValue } from "../../state/signal.ts";
import { StatusMark } from "./station-progress.tsx";

/** Attempts that are listed. */
const MOST = 200;

/** An attempt to write, from the store or as it happens. */
interface Write {
  readonly id: string;
  readonly at: string;
  readonly requester: string;
  readonly via: string;
  /** Null: the whole device. */
  readonly point: string | null;
  readonly action: string;
  readonly requested: unknown;
  readonly status: string;
  readonly readBack?: unknown;
  readonly code: string | null;
  readonly text: string | null;
}

interface AuditEntry extends Partial<Omit<Write, "at" | "point">> {
  readonly time: string;
  /** `<device>/<point>`, or a device. */
  readonly target: string;
}

/** Who wrote what, and what came of it: every attempt of every interface, refused and failed ones too. */
export function Writes({ details: { device } }: { details: DeviceDetails }) {
  const hasHistory = useSignalValue(bridge)?.has.history === true;
  const loaded = useLoaded(
    async (signal) => {
      const [stored, recent] = await Promise.all([
        hasHistory ? loadAudit(device, signal) : [],
        api.get<{ commands: CommandView[] }>("commands", { query: { device }, signal }),
      ]);
      return merged(stored, recent.commands);
    },
    [device, hasHistory],
  );
  const live = useLiveWrites(device);
  return (
    <LoadedView of={loaded} what="the log of writes">
      {(known) => (
        <DataTable
          caption="Log of writes, the newest first"
          rows={merged(known, live)}
          columns={COLUMNS}
          keyOf={({ id, at }) => `${id} ${at}`}
          keys={false}
          empty={
            <Empty title="Every write to this station would be here, with who asked for it and what came of it.">
              {hasHistory
                ? "There was none in the last 30 days."
                : "There was none since the bridge started."}
            </Empty>
          }
        />
      )}
    </LoadedView>
  );
}

async function loadAudit(device: string, signal: AbortSignal): Promise<Write[]> {
  const query = { target: device, count: MOST };
  const { entries } = await api.get<{ entries: AuditEntry[] }>("audit", { query, signal });
  return entries.map(({ time, target, ...entry }) => ({
    ...{
      id: "",
      requester: "",
      via: "",
      action: "set",
      requested: null,
      status: "sent",
      code: null,
      text: null,
    },
    ...entry,
    at: time,
    point: target === device ? null : target.slice(device.length + 1),
  }));
}

function useLiveWrites(device: string): readonly Write[] {
  const [writes, setWrites] = useState<readonly Write[]>([]);
  useEffect(
    () =>
      onLive<CommandView>("write", (write) => {
        if (write.device === device) setWrites((before) => [write, ...before].slice(0, MOST));
      }),
    [device],
  );
  return writes;
}

/** Adds newer states of commands: an attempt that has ended is the last word on it. */
function merged(known: readonly Write[], newer: readonly Write[]): Write[] {
  const keyOf = ({ id, via }: Write): string => `${id} ${via}`;
  const ended = new Set(known.filter(({ status }) => status !== "sent").map(keyOf));
  const added = new Map<string, Write>();
  for (const write of newer)
    if (!ended.has(keyOf(write)) && !added.has(keyOf(write))) added.set(keyOf(write), write);
  return [...known.filter((write) => !added.has(keyOf(write))), ...added.values()]
    .sort((a, b) => (Date.parse(a.at) < Date.parse(b.at) ? 1 : -1))
    .slice(0, MOST);
}

const COLUMNS: readonly Column<Write>[] = [
  { id: "at", title: "Time", width: "128px", header: true, cell: ({ at }) => <Time at={at} /> },
  { id: "requester", title: "Requester", width: "144px", cell: ({ requester }) => <Name text={requester} /> },
  { id: "via", title: "Through", width: "80px", cell: ({ via }) => via },
  { id: "point", title: "Point", cell: ({ point }) => <Name text={point ?? "whole device"} /> },
  {
    id: "requested",
    title: "Asked for",
    width: "120px",
    numeric: true,
    cell: ({ action, requested }) => (action === "revert" ? "revert" : <Name text={anyValue(requested)} />),
  },
  {
    id: "status",
    title: "Became",
    width: "152px",
    cell: ({ status }) => <StatusMark status={status} />,
  },
  {
    id: "reads",
    title: "Reads",
    width: "88px",
    numeric: true,
    cell: ({ readBack }) => (readBack === undefined ? NONE : <Name text={anyValue(readBack)} />),
  },
  {
    id: "text",
    title: "Answer",
    wideOnly: true,
    cell: ({ code, text }) => (
      <Name class="quiet" text={[code && `code ${code}`, text].filter(Boolean).join(": ") || NONE} />
    ),
  },
];
