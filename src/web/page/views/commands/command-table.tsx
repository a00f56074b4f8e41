import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { type Fact, Facts } from "../../kit/text/facts.tsx";
import { anyValue, NONE } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { Time } from "../../kit/text/time.tsx";
import type { LogEntry } from "./command-log.ts";
import { StatusMark } from "./progress.tsx";

/** Commands with all that is known of each. */
export function CommandTable({
  caption,
  entries,
  device,
  empty,
}: {
  caption: string;
  entries: readonly LogEntry[];
  /** All are of this device, and stand among other tables: they are listed by their points. */
  device?: string;
  empty: ComponentChildren;
}) {
  const [open, setOpen] = useState<LogEntry>();
  const columns = useMemo(() => columnsOf(setOpen, device), [device]);
  return (
    <>
      <DataTable
        caption={caption}
        rows={entries}
        columns={columns}
        keyOf={entryKey}
        keys={device === undefined}
        empty={empty}
      />
      {open && <Details entry={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

const entryKey = ({ time, target, id, status }: LogEntry): string => `${time} ${target} ${id} ${status}`;

/** `0 → 3`, `revert`, `create event` */
function change({ action, from, requested }: LogEntry): string {
  if (action !== undefined && (action === "revert" || typeof requested === "object"))
    return action.replaceAll("_", " ");
  const text = from === undefined ? anyValue(requested) : `${anyValue(from)} → ${anyValue(requested)}`;
  return action === undefined || action === "set" ? text : `${action.replaceAll("_", " ")} ${text}`;
}

function columnsOf(
  onOpen: (entry: LogEntry) => void,
  device: string | undefined,
): readonly Column<LogEntry>[] {
  const nameOf = ({ target }: LogEntry): string =>
    device === undefined ? target : target === device ? "whole device" : target.slice(device.length + 1);
  return [
    {
      id: "target",
      title: device === undefined ? "Station and point" : "Point",
      header: true,
      cell: (entry) => (
        <button type="button" class="link" onClick={() => onOpen(entry)}>
          <Name text={nameOf(entry)} />
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
    {
      id: "reads",
      title: "Reads",
      width: "88px",
      numeric: true,
      wideOnly: true,
      cell: ({ readBack }) => (readBack === undefined ? NONE : <Name text={anyValue(readBack)} />),
    },
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
  const { time, target, requester, via, requested, readBack, code, text, error, tookMs, id } = entry;
  const known: readonly (readonly [string, unknown])[] = [
    ["Station and point", target],
    ["Requester", requester],
    ["Through", via],
    ["Command", change(entry)],
    ["Asked for", typeof requested === "object" ? requested : undefined],
    ["Reads back", readBack],
    ["Code", code],
    ["Answer", text],
    ["Error", error],
    ["Took", typeof tookMs === "number" ? `${Math.round(tookMs)} ms` : undefined],
    ["Id", id],
  ];
  return (
    <Dialog title="Command" onClose={onClose}>
      <Facts
        facts={[
          ["Time", <Time key="t" at={time} />],
          ["Status", <StatusMark key="s" status={entry.status} />],
          ...known.map(
            ([name, value]): Fact =>
              value !== undefined &&
              value !== null &&
              value !== "" && [name, <bdi key={name}>{anyValue(value)}</bdi>],
          ),
        ]}
      />
    </Dialog>
  );
}
