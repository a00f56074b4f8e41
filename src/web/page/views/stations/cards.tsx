import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useVisibleRows } from "../../kit/table/visible-rows.ts";
import { power } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { Age } from "../../kit/text/time.tsx";
import { type DeviceCell, nameOf } from "../../state/bridge/devices.ts";
import { useKeys } from "../../state/browser/keys.ts";
import { stationHref } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { PortLimit, PortState, PortUntil } from "./port-cells.tsx";
import type { PortRow } from "./rows.ts";

/** Least width of a card and space between cards, in pixels. */
const CARD = 300;
const SPACE = 12;
/** Ports shown on a card; a station with more says how many. */
const MOST_PORTS = 4;

/** A card for each station of the rows; only the visible ones are drawn, and all have one height. */
export function StationCards({ rows }: { rows: readonly PortRow[] }) {
  const stations = useMemo(() => [...new Set(rows.map(({ cell }) => cell))], [rows]);
  const place = useRef<HTMLUListElement>(null);
  const [columns, setColumns] = useState(1);
  useLayoutEffect(() => {
    const resized = new ResizeObserver(([entry]) => {
      if (entry) setColumns(Math.max(1, Math.floor((entry.contentRect.width + SPACE) / (CARD + SPACE))));
    });
    resized.observe(place.current!);
    return () => resized.disconnect();
  }, []);
  const ports = useMemo(
    () =>
      stations.reduce((most, { view }) => Math.min(MOST_PORTS, Math.max(most, view.peek().ports.length)), 1),
    [stations],
  );
  const height = 52 + ports * 40 + SPACE;
  const lines = Math.ceil(stations.length / columns);
  const { first, end } = useVisibleRows(place, lines, height);
  const shown = stations.slice(first * columns, end * columns);

  const go = (step: number): void => {
    const links = [...(place.current?.querySelectorAll<HTMLElement>("a.station") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLElement);
    links[at < 0 ? 0 : Math.min(Math.max(0, at + step), links.length - 1)]?.focus();
  };
  useKeys([
    { keys: "j", what: "Next station", run: () => go(1) },
    { keys: "k", what: "Previous station", run: () => go(-1) },
  ]);
  return (
    <ul ref={place} class="cards" style={{ height: `${lines * height}px` }} aria-label="Stations">
      {shown.map((cell, index) => {
        const at = first * columns + index;
        return (
          <li
            key={cell.path}
            aria-setsize={stations.length}
            aria-posinset={at + 1}
            style={{
              height: `${height - SPACE}px`,
              width: `calc((100% - ${(columns - 1) * SPACE}px) / ${columns})`,
              top: `${Math.floor(at / columns) * height}px`,
              left: `calc((100% + ${SPACE}px) / ${columns} * ${at % columns})`,
            }}
          >
            <Card cell={cell} />
          </li>
        );
      })}
    </ul>
  );
}

function Card({ cell }: { cell: DeviceCell }) {
  const view = useSignalValue(cell.view);
  const readAt = useSignalValue(cell.readAt);
  const more = view.ports.length - MOST_PORTS;
  return (
    <article class={view.availability === "online" ? "card" : "card stale"}>
      <header>
        <a class="station" href={stationHref(cell.path)}>
          <Name text={nameOf(view)} />
        </a>
        <small class="quiet">{readAt === null ? "never read" : <Age at={readAt} />}</small>
      </header>
      <ul>
        {view.ports.slice(0, MOST_PORTS).map((port) => (
          <li key={port.port}>
            <span class="port quiet">{port.port}</span>
            <PortState view={view} port={port} />
            <strong class="number">{power(port.loadKw)}</strong>
            {port.limit && (
              <small class="limit">
                limit <PortLimit limit={port.limit} />, <PortUntil limit={port.limit} />
              </small>
            )}
          </li>
        ))}
      </ul>
      {more > 0 && <small class="quiet">and {more} more</small>}
    </article>
  );
}
