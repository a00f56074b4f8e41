import { useMemo, useState } from "preact/hooks";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { ActionDialog } from "../../kit/controls/dialog-form.tsx";
import { CheckBox, TextField } from "../../kit/controls/field.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { counted } from "../../kit/text/format.ts";
import { Empty } from "../../kit/text/loading.tsx";
import { Name, StationLink } from "../../kit/text/name.tsx";
import { Remaining } from "../../kit/text/time.tsx";
import { api } from "../../state/requests/api.ts";
import { DurationField, durationText, HOUR, minutesOf } from "../commands/duration-field.tsx";

export interface Override {
  readonly pattern: string;
  readonly endsAt: string | null;
  readonly devices: readonly string[];
}

type Open =
  | { readonly kind: "set" | "all" }
  | { readonly kind: "clear" | "devices"; readonly override: Override };

/** Patterns of stations that take no commands, with their ends. */
export function Overrides({
  list,
  may,
  onChange,
}: {
  list: readonly Override[];
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
          Stations under an override take neither set points nor reverts, from anybody. They are read as
          before.
        </p>
        <span class="spring" />
        {may && list.length > 1 && (
          <button type="button" class="button" onClick={() => setOpen({ kind: "all" })}>
            Clear all…
          </button>
        )}
        {may && (
          <button type="button" class="button" onClick={() => setOpen({ kind: "set" })}>
            Set an override…
          </button>
        )}
      </div>
      <DataTable
        caption="Overrides"
        rows={list}
        columns={columns}
        keyOf={({ pattern }) => pattern}
        empty={
          <Empty title="No override is active.">
            For work on site: while one is active, no program and nobody else changes the stations under it.
          </Empty>
        }
      />
      {open?.kind === "set" && <SetOverride onDone={onChange} onClose={close} />}
      {open?.kind === "devices" && (
        <Dialog title={`Stations under ${open.override.pattern}`} onClose={close}>
          <ul class="several">
            {open.override.devices.map((device) => (
              <li key={device}>
                <StationLink device={device} />
              </li>
            ))}
          </ul>
        </Dialog>
      )}
      {open?.kind === "clear" && (
        <ActionDialog
          title="Clear the override"
          action="Clear the override"
          what="the end of the override"
          run={async () => {
            await api.delete("overrides", { query: { pattern: open.override.pattern } });
            return `The override ${open.override.pattern} is cleared.`;
          }}
          onDone={onChange}
          onClose={close}
        >
          <p class="effect">
            {counted(open.override.devices.length, "station")} under <Name text={open.override.pattern} />{" "}
            take commands again, where no other override covers them. Nothing is written to them now.
          </p>
        </ActionDialog>
      )}
      {open?.kind === "all" && (
        <ActionDialog
          title="Clear all overrides"
          action={`Clear ${list.length} overrides`}
          what="the end of the overrides"
          run={async () => {
            await api.delete("overrides", { query: { all: true } });
            return "All overrides are cleared.";
          }}
          onDone={onChange}
          onClose={close}
        >
          <p class="effect">All stations take commands again:</p>
          <ul class="several">
            {list.map(({ pattern, devices }) => (
              <li key={pattern}>
                <Name text={pattern} />
                <span class="quiet">{counted(devices.length, "station")}</span>
              </li>
            ))}
          </ul>
        </ActionDialog>
      )}
    </>
  );
}

function columnsOf(may: boolean, onOpen: (open: Open) => void): readonly Column<Override>[] {
  const columns: Column<Override>[] = [
    { id: "pattern", title: "Pattern", header: true, cell: ({ pattern }) => <Name text={pattern} /> },
    {
      id: "devices",
      title: "Stations at present",
      width: "176px",
      cell: (override) => (
        <button
          type="button"
          class="link"
          aria-label={`${counted(override.devices.length, "station")} under ${override.pattern}`}
          disabled={override.devices.length === 0}
          onClick={() => onOpen({ kind: "devices", override })}
        >
          {counted(override.devices.length, "station")}
        </button>
      ),
    },
    {
      id: "ends",
      title: "Ends in",
      width: "160px",
      cell: ({ endsAt }) => (endsAt === null ? "until cleared" : <Remaining until={endsAt} />),
    },
  ];
  if (!may) return columns;
  return [
    ...columns,
    {
      id: "clear",
      title: "Command",
      width: "96px",
      cell: (override) => (
        <button
          type="button"
          class="link"
          aria-label={`Clear the override ${override.pattern}`}
          onClick={() => onOpen({ kind: "clear", override })}
        >
          Clear
        </button>
      ),
    },
  ];
}

function SetOverride({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const [pattern, setPattern] = useState("");
  const [length, setLength] = useState(HOUR);
  const [isReverted, setReverted] = useState(true);
  const [isStaggered, setStaggered] = useState(false);
  const minutes = minutesOf(length);
  const wanted = pattern.trim();
  const isValid = wanted !== "" && minutes !== null;
  return (
    <ActionDialog
      title="Set an override"
      action="Set the override"
      what="the override"
      disabled={!isValid}
      run={async () => {
        const { devices } = await api.post<Override>("overrides", {
          pattern: wanted,
          ...(minutes && { durationSeconds: minutes * 60 }),
          failsafeRevert: isReverted,
          staggeredRevert: isReverted && isStaggered,
        });
        return devices.length === 0
          ? `The override ${wanted} is active; no station matches it at present.`
          : `${counted(devices.length, "station")} under ${wanted} take no commands now.`;
      }}
      onDone={onDone}
      onClose={onClose}
    >
      <TextField
        label="Pattern of paths"
        value={pattern}
        onValue={setPattern}
        maxLength={1000}
        required
        hint={
          <>
            <code>campus/garage/station-1</code>, or many: <code>*</code> is any text, also slashes,{" "}
            <code>?</code> one character, <code>[abc]</code> one of these. Case counts.
          </>
        }
      />
      <DurationField value={length} onChange={setLength} />
      <div class="field">
        <CheckBox label="Failsafe revert" checked={isReverted} onChange={setReverted} />
        <small class="quiet">
          {isReverted
            ? "The stations go back to their defaults now: the limits that this bridge holds there are cleared."
            : "The stations stay as they are: limits in force there go on until their ends, and cannot be cleared before."}
        </small>
      </div>
      {isReverted && (
        <CheckBox label="One station after the other" checked={isStaggered} onChange={setStaggered} />
      )}
      {isValid && (
        <p class="effect">
          Stations under <Name text={wanted} /> take neither set points nor reverts {durationText(minutes)},
          from anybody.
        </p>
      )}
    </ActionDialog>
  );
}
