import { useState } from "preact/hooks";
import type { Preset, TimeRange } from "../state/range.ts";
import { Dialog } from "./dialog.tsx";
import { TextField } from "./field.tsx";
import { fieldTime, localTime } from "./format.ts";

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
  return (
    <fieldset class="chips">
      <legend class="hidden-text">Time shown</legend>
      {presets.map((preset) => (
        <button
          key={preset}
          type="button"
          class="chip"
          aria-pressed={range.preset === preset}
          onClick={() => onRange(preset)}
        >
          {NAMES[preset]}
        </button>
      ))}
      <button
        type="button"
        class="chip"
        aria-pressed={range.preset === undefined}
        onClick={() => setOpen(true)}
      >
        {range.preset === undefined
          ? `${localTime(new Date(range.from), now, false)} – ${localTime(new Date(range.to), now, false)}`
          : "custom…"}
      </button>
      {open && <CustomRange range={range} onRange={onRange} onClose={() => setOpen(false)} />}
    </fieldset>
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
  const [isTried, setTried] = useState(false);
  const start = Date.parse(from);
  const end = Date.parse(to);
  const error = start < end ? undefined : "Choose an end after the start.";
  return (
    <Dialog title="Time shown" onClose={onClose}>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (error) return;
          onRange({ from: start, to: end });
          onClose();
        }}
      >
        <TextField
          label="From"
          type="datetime-local"
          value={from}
          onValue={setFrom}
          hint="In your local time."
        />
        <TextField
          label="To"
          type="datetime-local"
          value={to}
          onValue={setTo}
          error={isTried ? error : undefined}
        />
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Show
          </button>
        </div>
      </form>
    </Dialog>
  );
}
