import { useState } from "preact/hooks";
import type { DeviceDetails, PointView } from "../../../schemas.ts";
import { DialogForm } from "../../kit/controls/dialog-form.tsx";
import { RangeField, SelectField, TextField } from "../../kit/controls/field.tsx";
import { anyValue } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { nameOf } from "../../state/bridge/devices.ts";
import { AskDialog, CommandDialog } from "../commands/command-dialog.tsx";
import { DurationField, durationText, HOUR, minutesOf } from "../commands/duration-field.tsx";
import { endText } from "../commands/progress.tsx";

/** Points of which a value ends by itself after a time. */
const ENDING: readonly (string | null)[] = ["limit", "limit_percent", "limited"];

/** Asks for the value of any writable point, by the field that its type needs. */
export function SetDialog({
  details,
  point,
  onClose,
}: {
  details: DeviceDetails;
  point: PointView;
  onClose: () => void;
}) {
  const { units } = point;
  const [text, setText] = useState(startText(point));
  const [length, setLength] = useState(HOUR);
  const { value, error } = valueFrom(text, point);
  const ends = ENDING.includes(point.measure) && !(point.measure === "limited" && value === 0);
  const minutes = ends ? minutesOf(length) : undefined;
  const stops =
    (point.measure === "limit" && value === 0) || (point.measure === "limit_percent" && value === 100);
  return (
    <CommandDialog
      title={
        <>
          Set <Name text={point.point} />
        </>
      }
      units={units}
      onClose={onClose}
    >
      {(send) => (
        <DialogForm
          action="Set"
          hold={stops}
          disabled={error !== undefined || minutes === null}
          onClose={onClose}
          onSend={() =>
            send({
              ...{ action: "set", device: details.device, point: point.point, value },
              durationMinutes: minutes ?? undefined,
            })
          }
        >
          {point.notes && <p class="quiet">{point.notes}</p>}
          <ValueField point={point} text={text} error={text === "" ? undefined : error} onText={setText} />
          {ends && <DurationField value={length} onChange={setLength} />}
          {error === undefined && minutes !== null && (
            <p class="effect">
              <Name text={point.point} /> of <Name text={nameOf(details)} /> becomes{" "}
              <strong>{`${anyValue(value)} ${units}`.trim()}</strong>
              {ends && ` ${durationText(minutes)}${endText(minutes)}`}; now{" "}
              {point.withheld ? "withheld" : `${anyValue(point.value)} ${units}`.trim()}.
              {stops && " Charging stops there."}
            </p>
          )}
        </DialogForm>
      )}
    </CommandDialog>
  );
}

/** Asks before a point goes back to its Starting Value, or to what the station does by itself. */
export function RevertPointDialog({
  details,
  point,
  onClose,
}: {
  details: DeviceDetails;
  point: PointView;
  onClose: () => void;
}) {
  return (
    <AskDialog
      title={
        <>
          Revert <Name text={point.point} />
        </>
      }
      units={point.units}
      onClose={onClose}
      action="Revert"
      request={{ action: "revert", device: details.device, point: point.point }}
    >
      <p class="effect">
        <Name text={point.point} /> of <Name text={nameOf(details)} /> goes back to the Starting Value of its
        row; without one, its limit is cleared.
      </p>
    </AskDialog>
  );
}

function startText({ value, withheld, type, min }: PointView): string {
  if (withheld || value === null || value === undefined)
    return type === "boolean" ? "true" : String(min ?? "");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const isSwitch = ({ type, min, max }: PointView): boolean => type === "integer" && min === 0 && max === 1;

function ValueField({
  point,
  text,
  error,
  onText,
}: {
  point: PointView;
  text: string;
  error: string | undefined;
  onText: (text: string) => void;
}) {
  const { type, min, max, units } = point;
  if (type === "boolean" || isSwitch(point)) {
    const choices = type === "boolean" ? ["false", "true"] : ["0", "1"];
    return (
      <SelectField
        label="Value"
        choices={choices.map((one) => [one, one] as const)}
        value={text}
        onValue={onText}
        error={error}
      />
    );
  }
  if (type === "integer" || type === "float")
    return (
      <RangeField
        label={units ? `Value in ${units}` : "Value"}
        unit={units}
        min={min ?? 0}
        most={max ?? undefined}
        step={type === "integer" ? 1 : 0.1}
        {...{ text, error, onText }}
      />
    );
  return <TextField label="Value" value={text} onValue={onText} error={error} hint={HINTS[type]} />;
}

const HINTS: Readonly<Record<string, string>> = {
  datetime: "ISO 8601, e.g. 2026-11-30T10:00:00Z",
  date: "e.g. 2026-11-30",
  time: "e.g. 10:00:00",
  dictionary: "JSON, e.g. {}",
};

function valueFrom(text: string, { type, min, max }: PointView): { value?: unknown; error?: string } {
  if (type === "boolean") return { value: text === "true" };
  if (type === "integer" || type === "float") {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    const range = `${min ?? "any number"}${max === null ? (min === null ? "" : " or more") : ` to ${max}`}`;
    if (type === "integer" && !Number.isInteger(value)) return { error: `Give a whole number: ${range}.` };
    if (!Number.isFinite(value) || value < (min ?? value) || value > (max ?? value))
      return { error: `Give a number: ${range}.` };
    return { value };
  }
  if (type !== "dictionary") return { value: text };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { error: `Give JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}
