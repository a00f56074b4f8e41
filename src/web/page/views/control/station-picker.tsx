import { useState } from "preact/hooks";
import { FilterBox, matches, wordsOf } from "../../kit/controls/filter-box.tsx";
import { count } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { devices, nameOf } from "../../state/bridge/devices.ts";
import { useSignalValue } from "../../state/browser/signal.ts";

/** Stations listed at a time; the filter finds the others. */
const MOST = 50;

/** Chooses stations: one, or several. */
export function StationPicker({
  chosen,
  several,
  onChoose,
}: {
  chosen: readonly string[];
  several?: boolean;
  onChoose: (devices: readonly string[]) => void;
}) {
  const list = useSignalValue(devices);
  const [filter, setFilter] = useState("");
  const words = wordsOf(filter);
  const found = list.filter(({ text }) => matches(text, words));
  return (
    <fieldset class="picker">
      <legend>
        {several ? "Stations" : "Station"}
        {chosen.length > 0 && several && <span class="quiet"> {chosen.length} chosen</span>}
      </legend>
      <FilterBox value={filter} label="Filter the stations to choose from" onFilter={setFilter} />
      <ul class="chooser">
        {found.slice(0, MOST).map(({ path, view }) => (
          <li key={path}>
            <label>
              <input
                type={several ? "checkbox" : "radio"}
                name="station"
                checked={chosen.includes(path)}
                onChange={({ currentTarget }) =>
                  onChoose(
                    !several
                      ? [path]
                      : currentTarget.checked
                        ? [...chosen, path]
                        : chosen.filter((one) => one !== path),
                  )
                }
              />
              <Name text={nameOf(view.peek())} />
              <small class="quiet">
                <Name text={path} />
              </small>
            </label>
          </li>
        ))}
      </ul>
      {found.length > MOST && (
        <small class="quiet">{count(found.length - MOST)} more: filter to see them.</small>
      )}
      {found.length === 0 && <small class="quiet">No station has this in its name or path.</small>}
    </fieldset>
  );
}
