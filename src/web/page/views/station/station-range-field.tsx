import { Field } from "../../kit/field.tsx";

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
