import { useState } from "preact/hooks";
import type { DeviceDetails, PointView } from "../../../schemas.ts";
import { MOST_SERIES } from "../../kit/chart/chart-data.ts";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { FilterBox, matches, wordsOf } from "../../kit/controls/filter-box.tsx";
import { Name } from "../../kit/text/name.tsx";

const NUMBERS = ["integer", "float", "boolean"];

/** Whether a point can be a line of a chart. */
export function isPlotted({ type, withheld }: Pick<PointView, "type" | "withheld">): boolean {
  return NUMBERS.includes(type) && !withheld;
}

/** Chooses the points that the chart shows besides load and limit. */
export function PointChooser({
  details,
  chosen: first,
  onChosen,
  onClose,
}: {
  details: DeviceDetails;
  chosen: readonly string[];
  onChosen: (points: readonly string[]) => void;
  onClose: () => void;
}) {
  const [chosen, setChosen] = useState(first);
  const [filter, setFilter] = useState("");
  const words = wordsOf(filter);
  const points = details.points.filter(
    (point) => isPlotted(point) && matches(`${point.point} ${point.notes}`.toLowerCase(), words),
  );
  const toggle = (point: string): void => {
    const next = chosen.includes(point) ? chosen.filter((one) => one !== point) : [...chosen, point];
    setChosen(next);
    onChosen(next);
  };
  return (
    <Dialog title="Points of the chart" onClose={onClose}>
      <p class="quiet">
        Load and limit are always shown. Points with numbers can be added, at most {MOST_SERIES}.
      </p>
      <FilterBox value={filter} label="Filter points" onFilter={setFilter} />
      <ul class="chooser">
        {points.map(({ point, units, notes }) => (
          <li key={point}>
            <label>
              <input
                type="checkbox"
                checked={chosen.includes(point)}
                disabled={chosen.length >= MOST_SERIES && !chosen.includes(point)}
                onChange={() => toggle(point)}
              />
              <Name text={point} />
              <small class="quiet">{[units, notes].filter(Boolean).join(", ")}</small>
            </label>
          </li>
        ))}
      </ul>
      {points.length === 0 && <p class="quiet">No point with numbers has this in its name or notes.</p>}
      <div class="row end">
        <button type="button" class="button primary" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
