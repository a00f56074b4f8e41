import { useState } from "preact/hooks";
import { Chips } from "../../kit/controls/chips.tsx";
import { TextField } from "../../kit/controls/field.tsx";
import { duration } from "../../kit/text/format.ts";

const CHOICES = [
  ["15", "15 min"],
  ["60", "1 h"],
  ["240", "4 h"],
  ["none", "until cleared"],
  ["custom", "custom…"],
] as const;
type Choice = (typeof CHOICES)[number][0];

/** Longest duration of a limit, in minutes: a year. */
const MOST_MINUTES = 525_600;

/** How long a limit lasts, as the reader chose it. */
export interface ChosenDuration {
  readonly choice: Choice;
  /** Text of the custom field, in minutes. */
  readonly custom: string;
}

export const HOUR: ChosenDuration = { choice: "60", custom: "90" };

/** Returns the minutes; undefined: until it is cleared; null: what was typed is no duration. */
export function minutesOf({ choice, custom }: ChosenDuration): number | undefined | null {
  if (choice === "none") return undefined;
  const minutes = Number(choice === "custom" ? custom : choice);
  return Number.isInteger(minutes) && minutes >= 1 && minutes <= MOST_MINUTES && custom.trim() !== ""
    ? minutes
    : null;
}

/** `for 1 h`, `until it is cleared` */
export function durationText(minutes: number | undefined): string {
  return minutes === undefined ? "until it is cleared" : `for ${duration(minutes * 60_000)}`;
}

export function DurationField({
  value,
  onChange,
}: {
  value: ChosenDuration;
  onChange: (value: ChosenDuration) => void;
}) {
  const [isTried, setTried] = useState(false);
  const { choice, custom } = value;
  return (
    <div class="field">
      <span class="label" aria-hidden="true">
        For how long
      </span>
      <Chips
        label="For how long"
        choices={CHOICES}
        value={choice}
        onChoose={(one) => onChange({ ...value, choice: one })}
      />
      {choice === "custom" && (
        <TextField
          label="Minutes"
          type="number"
          inputMode="numeric"
          min={1}
          max={MOST_MINUTES}
          step={1}
          value={custom}
          onValue={(text) => {
            setTried(true);
            onChange({ ...value, custom: text });
          }}
          hint={
            typeof minutesOf(value) === "number" ? duration(minutesOf(value)! * 60_000) : "1 minute to a year"
          }
          error={
            isTried && minutesOf(value) === null ? "Give a whole number of minutes, 1 to 525600." : undefined
          }
        />
      )}
    </div>
  );
}
