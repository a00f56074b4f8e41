import type { ComponentChildren, PartialInputHTMLAttributes } from "preact";
import { useId } from "preact/hooks";

/** What {@link Field} hands to its input. */
interface FieldInput {
  readonly id: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": boolean;
}

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  /** What is wrong and how to put it right. */
  readonly error?: string | undefined;
}

/** A label, an input, a hint and what is wrong with it, tied together. */
export function Field({
  label,
  hint,
  error,
  children,
}: FieldProps & { children: (input: FieldInput) => ComponentChildren }) {
  const id = useId();
  const described = [hint ? `${id}h` : "", error ? `${id}e` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error !== undefined })}
      {hint && (
        <small id={`${id}h`} class="quiet">
          {hint}
        </small>
      )}
      {error && (
        <small id={`${id}e`} class="wrong">
          {error}
        </small>
      )}
    </div>
  );
}

type InputProps = Pick<
  PartialInputHTMLAttributes<HTMLInputElement>,
  "autoComplete" | "inputMode" | "max" | "maxLength" | "min" | "name" | "placeholder" | "required" | "step"
> & { type?: "text" | "number" | "password" | "datetime-local" };

/** A field for one line of text, a number, a password or a time. */
export function TextField({
  label,
  hint,
  error,
  value,
  onValue,
  type = "text",
  ...input
}: FieldProps & InputProps & { value: string; onValue: (text: string) => void }) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(tied) => (
        <input
          autoComplete="off"
          {...input}
          {...tied}
          // The types of elements know one kind of input at a time; those of `InputProps` have the same attributes.
          type={type as "text"}
          value={value}
          onInput={({ currentTarget }) => onValue(currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** A field that offers a few choices. */
export function SelectField<Value extends string>({
  label,
  hint,
  error,
  value,
  choices,
  onValue,
}: FieldProps & {
  value: Value;
  choices: readonly (readonly [value: Value, text: string])[];
  onValue: (value: Value) => void;
}) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(tied) => (
        <select
          {...tied}
          value={value}
          onChange={({ currentTarget }) => onValue(currentTarget.value as Value)}
        >
          {choices.map(([one, text]) => (
            <option key={one} value={one}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** The two ends of a period, in the form of `datetime-local`. */
export function PeriodFields({
  from,
  to,
  onFrom,
  onTo,
}: {
  from: string;
  to: string;
  onFrom: (text: string) => void;
  onTo: (text: string) => void;
}) {
  const isOrdered = Date.parse(from) < Date.parse(to);
  return (
    <div class="pair">
      <TextField
        label="From"
        type="datetime-local"
        value={from}
        onValue={onFrom}
        hint="In your local time."
      />
      <TextField
        label="To"
        type="datetime-local"
        value={to}
        onValue={onTo}
        error={isOrdered ? undefined : "Choose an end after the start."}
      />
    </div>
  );
}

/** A yes or no. */
export function CheckBox({
  label,
  checked,
  onChange,
}: {
  label: string;
  checked: boolean;
  onChange: (isChecked: boolean) => void;
}) {
  return (
    <label class="row">
      <input
        type="checkbox"
        checked={checked}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      {label}
    </label>
  );
}

/** A number by slider, by thumb or by typing; without a largest value there is no slider. */
export function RangeField({
  label,
  unit,
  min,
  most,
  step,
  text,
  error,
  onText,
}: {
  label: string;
  unit: string;
  min: number;
  most: number | undefined;
  step: number;
  text: string;
  error: string | undefined;
  onText: (text: string) => void;
}) {
  const value = Number(text);
  return (
    <Field
      label={label}
      error={error}
      hint={most === undefined ? `${min} ${unit} or more` : `${min} to ${most} ${unit}`}
    >
      {(tied) => (
        <div class="range">
          {most !== undefined && (
            <input
              type="range"
              aria-label={`${label}, slider`}
              aria-valuetext={`${text} ${unit}`}
              min={min}
              max={most}
              step={step}
              value={Number.isFinite(value) ? value : min}
              onInput={({ currentTarget }) => onText(currentTarget.value)}
            />
          )}
          <input
            {...tied}
            type="number"
            inputMode="decimal"
            step="any"
            min={min}
            max={most}
            value={text}
            onInput={({ currentTarget }) => onText(currentTarget.value)}
          />
          <span aria-hidden="true">{unit}</span>
        </div>
      )}
    </Field>
  );
}
