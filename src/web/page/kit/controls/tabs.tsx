import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** Tabs over one panel; arrow keys move among them. `children` draws the chosen one. */
export function Tabs<Id extends string>({
  label,
  tabs,
  chosen,
  onChoose,
  children,
}: {
  label: string;
  tabs: readonly (readonly [id: Id, title: string])[];
  chosen: Id;
  onChoose: (id: Id) => void;
  children: ComponentChildren;
}) {
  const prefix = useId();
  const move = (event: KeyboardEvent, step: number): void => {
    event.preventDefault();
    const at = tabs.findIndex(([id]) => id === chosen);
    const [next] = tabs[(at + step + tabs.length) % tabs.length]!;
    onChoose(next);
    document.getElementById(`${prefix}${next}`)?.focus();
  };
  return (
    <div>
      <div class="tabs" role="tablist" aria-label={label}>
        {tabs.map(([id, title]) => (
          <button
            key={id}
            id={`${prefix}${id}`}
            type="button"
            role="tab"
            aria-selected={id === chosen}
            aria-controls={`${prefix}panel`}
            tabIndex={id === chosen ? 0 : -1}
            onClick={() => onChoose(id)}
            onKeyDown={(event) => {
              if (event.key === "ArrowRight") move(event, 1);
              else if (event.key === "ArrowLeft") move(event, -1);
            }}
          >
            {title}
          </button>
        ))}
      </div>
      <div id={`${prefix}panel`} role="tabpanel" aria-labelledby={`${prefix}${chosen}`}>
        {children}
      </div>
    </div>
  );
}
