import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { CommandView } from "../../../schemas.ts";
import { type Column, DataTable } from "../../kit/data-table.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { anyValue, NONE } from "../../kit/format.ts";
import { Name } from "../../kit/name.tsx";
import { Time } from "../../kit/time.tsx";
import { StatusMark } from "../station/station-progress.tsx";

/** A write attempt, from the store or from the memory of the bridge. */
export interface LogEntry {
  readonly time: string;
  readonly target: string;
  readonly requester?: string;
  readonly via?: string;
  readonly action?: string;
  readonly from?: unknown;
  readonly requested?: unknown;
  readonly status?: string;
  readonly readBack?: unknown;
  readonly code?: string | null;
  readonly text?: string | null;
  readonly error?: string | null;
  readonly tookMs?: number | null;
  readonly id?: string;
}

/** Commands with all that is known of each. */
export function CommandTable({
  caption,
  entries,
  empty,
}: {
  caption: string;
  entries: readonly LogEntry[];
  empty: ComponentChildren;
}) {
  const [open, setOpen] = useState<LogEntry>();
  const columns = useMemo(() => columnsOf(setOpen), []);
  return (
    <>
      <DataTable caption={caption} rows={entries} columns={columns} keyOf={entryKey} empty={empty} />
      {open && <Details entry={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

/** Returns a command that the bridge remembers as an entry of the log. */
export function entryOf({ at, device, point, ...command }: CommandView): LogEntry {
  return { ...command, time: at, target: point === null ? device : `${device}/${point}` };
}

const entryKey = ({ time, target, id, status }: LogEntry): string => `${time} ${target} ${id} ${status}`;

/** `0 → 3`, `revert`, `create event` */
function change({ action, from, requested }: LogEntry): string {
  if (action !== undefined && (action === "revert" || typeof requested === "object"))
    return action.replaceAll("_", " ");
  const text = from === undefined ? anyValue(requested) : `${anyValue(from)} → ${anyValue(requested)}`;
  return action === undefined || action === "set" ? text : `${action.replaceAll("_", " ")} ${text}`;
}

function columnsOf(onOpen: (entry: LogEntry) => void): readonly Column<LogEntry>[] {
  return [
    {
      id: "target",
      title: "Station and point",
      header: true,
      cell: (entry) => (
        <button type="button" class="link" onClick={() => onOpen(entry)}>
          <Name text={entry.target} />
        </button>
      ),
    },
    { id: "time", title: "Time", width: "128px", cell: ({ time }) => <Time at={time} /> },
    {
      id: "by",
      title: "Requester",
      width: "176px",
      cell: ({ requester = NONE }) => <Name text={requester} />,
    },
    { id: "via", title: "Through", width: "72px", wideOnly: true, cell: ({ via = NONE }) => via },
    { id: "change", title: "Command", width: "144px", cell: (entry) => <Name text={change(entry)} /> },
    { id: "status", title: "Status", width: "144px", cell: ({ status }) => <StatusMark status={status} /> },
    { id: "code", title: "Code", width: "64px", wideOnly: true, cell: ({ code }) => code ?? NONE },
    {
      id: "took",
      title: "Took",
      width: "80px",
      numeric: true,
      wideOnly: true,
      cell: ({ tookMs }) => (typeof tookMs === "number" ? `${Math.round(tookMs)} ms` : NONE),
    },
    {
      id: "text",
      title: "Answer",
      wideOnly: true,
      cell: ({ text, error }) => <Name text={text ?? error ?? NONE} />,
    },
  ];
}

/** Everything that is known of one attempt. */
function Details({ entry, onClose }: { entry: LogEntry; onClose: () => void }) {
  const { time, target, requester, via, readBack, code, text, error, tookMs, id } = entry;
  const facts: readonly (readonly [string, unknown])[] = [
    ["Station and point", target],
    ["Requester", requester],
    ["Through", via],
    ["Command", change(entry)],
    ["Asked for", typeof entry.requested === "object" ? entry.requested : undefined],
    ["Reads back", readBack],
    ["Code", code],
    ["Answer", text],
    ["Error", error],
    ["Took", typeof tookMs === "number" ? `${Math.round(tookMs)} ms` : undefined],
    ["Id", id],
  ];
  return (
    <Dialog title="Command" onClose={onClose}>
      <dl class="facts">
        <div>
          <dt>Time</dt>
          <dd>
            <Time at={time} />
          </dd>
        </div>
        <div>
          <dt>Status</dt>
          <dd>
            <StatusMark status={entry.status} />
          </dd>
        </div>
        {facts
          .filter(([, value]) => value !== undefined && value !== null && value !== "")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <bdi>{anyValue(value)}</bdi>
              </dd>
            </div>
          ))}
      </dl>
    </Dialog>
  );
}
