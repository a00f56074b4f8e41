import { useState } from "preact/hooks";
import type { Preset, TimeRange } from "../../state/browser/range.ts";
import { Chips } from "../controls/chips.tsx";
import { Dialog } from "../controls/dialog.tsx";
import { DialogForm } from "../controls/dialog-form.tsx";
import { PeriodFields } from "../controls/field.tsx";
import { fieldTime, localTime } from "../text/format.ts";

const NAMES: Readonly<Record<Preset, string>> = {
  "1h": "1 h",
  "24h": "24 h",
  "7d": "7 d",
  "30d": "30 d",
  "365d": "1 year",
};
const STANDARD: readonly Preset[] = ["1h", "24h", "7d", "30d"];

/** Buttons that choose the time of a view's charts: the last hour, day, week, month, or any range. */
export function RangeBar({
  range,
  onRange,
  presets = STANDARD,
}: {
  range: TimeRange;
  presets?: readonly Preset[];
  onRange: (range: Preset | { from: number; to: number }) => void;
}) {
  const [open, setOpen] = useState(false);
  const now = new Date();
  const custom =
    range.preset === undefined
      ? `${localTime(new Date(range.from), now, false)} – ${localTime(new Date(range.to), now, false)}`
      : "custom…";
  return (
    <>
      <Chips<Preset | "custom">
        label="Time shown"
        choices={[...presets.map((preset) => [preset, NAMES[preset]] as const), ["custom", custom]]}
        value={range.preset ?? "custom"}
        onChoose={(one) => (one === "custom" ? setOpen(true) : onRange(one))}
      />
      {open && <CustomRange range={range} onRange={onRange} onClose={() => setOpen(false)} />}
    </>
  );
}

function CustomRange({
  range,
  onRange,
  onClose,
}: {
  range: TimeRange;
  onRange: (range: { from: number; to: number }) => void;
  onClose: () => void;
}) {
  const [from, setFrom] = useState(fieldTime(range.from));
  const [to, setTo] = useState(fieldTime(range.to));
  const start = Date.parse(from);
  const end = Date.parse(to);
  return (
    <Dialog title="Time shown" onClose={onClose}>
      <DialogForm
        action="Show"
        disabled={!(start < end)}
        onSend={() => {
          onRange({ from: start, to: end });
          onClose();
        }}
        onClose={onClose}
      >
        <PeriodFields {...{ from, to }} onFrom={setFrom} onTo={setTo} />
      </DialogForm>
    </Dialog>
  );
}
