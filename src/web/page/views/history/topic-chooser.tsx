import { useMemo, useState } from "preact/hooks";
import { MOST_SERIES } from "../../kit/chart/chart-data.ts";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { FilterBox, matches, wordsOf } from "../../kit/controls/filter-box.tsx";
import { count, counted } from "../../kit/text/format.ts";
import { LoadedView } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { type DeviceCell, deviceCell, devices, stationName } from "../../state/bridge/devices.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api } from "../../state/requests/api.ts";
import { useLoaded } from "../../state/requests/loaded.ts";
import { partsOf } from "./choice.ts";

interface TopicsAnswer {
  readonly topics: readonly { readonly topic: string; readonly units: string; readonly type: string }[];
  readonly total: number;
}

/** Topics listed at once; further words narrow the list. */
const LISTED = 200;
/** Length of a pattern, below the 1,000 characters that the interface takes. */
const LONGEST = 900;

/** Finds points that have values, by station and point, and returns the chosen ones when the reader is done. */
export function TopicChooser({
  chosen: first,
  onChosen,
  onClose,
}: {
  chosen: readonly string[];
  onChosen: (topics: readonly string[]) => void;
  onClose: () => void;
}) {
  const [chosen, setChosen] = useState(first);
  const [filter, setFilter] = useState("");
  const cells = useSignalValue(devices);
  const { pattern, leftOut } = useMemo(() => wantedBy(wordsOf(filter), cells), [filter, cells]);
  const found = useLoaded(
    (signal) => api.get<TopicsAnswer>("history/topics", { query: { pattern, count: LISTED }, signal }),
    [pattern],
  );
  const toggle = (topic: string): void =>
    setChosen(chosen.includes(topic) ? chosen.filter((one) => one !== topic) : [...chosen, topic]);
  const isFull = chosen.length >= MOST_SERIES;
  return (
    <Dialog title="Points" wide onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          onChosen(chosen);
        }}
      >
        <div class="row apart">
          <FilterBox value={filter} label="Find stations and points" onFilter={setFilter} />
          <span class="quiet">
            {chosen.length} of at most {MOST_SERIES} chosen
          </span>
        </div>
        <p class="quiet">Words of the station, then of the point: “garage 01 load”.</p>
        <div class="topics-found">
          <LoadedView of={found} what="the points that have values" lines={8}>
            {({ topics, total }) => (
              <>
                {byDevice(topics).map(([device, points]) => (
                  <fieldset key={device} class="topics">
                    <legend>
                      <StationName device={device} />
                    </legend>
                    <ul>
                      {points.map(({ topic, units, type }) => (
                        <li key={topic}>
                          <label>
                            <input
                              type="checkbox"
                              checked={chosen.includes(topic)}
                              disabled={isFull && !chosen.includes(topic)}
                              onChange={() => toggle(topic)}
                            />
                            <Name text={partsOf(topic).point} />
                            <small class="quiet">{units || (type === "string" ? "text" : "")}</small>
                          </label>
                        </li>
                      ))}
                    </ul>
                  </fieldset>
                ))}
                {leftOut > 0 && (
                  <p class="quiet">
                    {count(leftOut)} more stations have this in their name. Further words find them.
                  </p>
                )}
                {total > topics.length && (
                  <p class="quiet">
                    {count(topics.length)} of {count(total)} points. Further words find the others.
                  </p>
                )}
                {total === 0 && <NothingFound isFiltered={filter !== ""} />}
              </>
            )}
          </LoadedView>
        </div>
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={chosen.length === 0}>
            {chosen.length === 0 ? "Show" : `Show ${counted(chosen.length, "point")}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A station by its name, and its path where that is another one. */
function StationName({ device }: { device: string }) {
  const name = stationName(device);
  return (
    <>
      <Name text={name} />
      {name !== device && <Name text={device} class="quiet" />}
      {!deviceCell(device) && <small class="quiet">no longer a device of this bridge</small>}
    </>
  );
}

function NothingFound({ isFiltered }: { isFiltered: boolean }) {
  return (
    <p class="quiet">
      {isFiltered
        ? "No point with values has these words in its station and name."
        : "The store is empty so far. Points appear here after their first scrape."}
    </p>
  );
}

function byDevice(topics: TopicsAnswer["topics"]): [string, TopicsAnswer["topics"][number][]][] {
  return [...Map.groupBy(topics, ({ topic }) => partsOf(topic).device)];
}

interface Wanted {
  /** Regular expression; undefined: every topic. */
  readonly pattern: string | undefined;
  /** Stations that have the words in their name and are too many for one pattern. */
  readonly leftOut: number;
}

/**
 * Returns the pattern of the topics that a reader means. The store knows paths; people know names: as many of the first
 * words as fit a station's name stand for its path, and the others are words of the point.
 */
export function wantedBy(
  words: readonly string[],
  cells: readonly Pick<DeviceCell, "path" | "text">[],
): Wanted {
  if (words.length === 0) return { pattern: undefined, leftOut: 0 };
  const inOrder = words.map(escaped).join(".*");
  for (let used = words.length; used > 0; used--) {
    const named = words.slice(0, used);
    const paths = cells.filter(({ text }) => matches(text, named)).map(({ path }) => escaped(path));
    if (paths.length === 0) continue;
    const points = words.slice(used).map(escaped).join(".*");
    const listed: string[] = [];
    let length = 2 * inOrder.length;
    for (const path of paths) {
      length += path.length + 1;
      if (length > LONGEST) break;
      listed.push(path);
    }
    if (listed.length === 0) break;
    return {
      pattern: `^(?:${listed.join("|")})/[^/]*${points}[^/]*$|${inOrder}`,
      leftOut: paths.length - listed.length,
    };
  }
  return { pattern: inOrder, leftOut: 0 };
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
