/** Filters of which one is chosen. */
export function Chips<Value extends string>({
  label,
  choices,
  value,
  onChoose,
}: {
  /** What they choose, for screen readers. */
  label: string;
  choices: readonly (readonly [value: Value, text: string])[];
  value: Value;
  onChoose: (value: Value) => void;
}) {
  return (
    <fieldset class="chips">
      <legend class="hidden-text">{label}</legend>
      {choices.map(([one, text]) => (
        <button
          key={one}
          type="button"
          class="chip"
          aria-pressed={one === value}
          onClick={() => onChoose(one)}
        >
          {text}
        </button>
      ))}
    </fieldset>
  );
}
