import type { Group } from "./groups.ts";
import type { Outlet, StationModel } from "./models.ts";
import type { Organisation } from "./organisations.ts";
import { Random } from "./random.ts";
import type { Site } from "./sites.ts";
import type { Port, Station } from "./station.ts";

/** A station before anybody has plugged in. */
export function buildStation(from: {
  readonly seed: number;
  readonly index: number;
  readonly number: number;
  readonly model: StationModel;
  /** Within its site, from 0. */
  readonly position: number;
  readonly site: Site;
  readonly organisation: Organisation;
  readonly groups: Group[];
}): Station {
  const { seed, index, number, model, position, site, organisation, groups } = from;
  const random = new Random(seed, 0x57a7, number);
  const place = String(position + 1).padStart(2, "0");
  const macTail = (0x10000 + number).toString(16).toUpperCase().padStart(8, "0");
  // Leading zeros are common; whoever makes a number of it is found out.
  const serial = `00${String(1_841_000_000 + number * 37 + random.below(37))}`;
  return {
    id: `1:${number}`,
    number,
    model,
    site,
    organisation,
    groups,
    name: model.home ? `CP HOME / ${serial}` : `${organisation.shortName} / ${site.name} ${place}`,
    serial,
    mac: `0024:B100:${macTail.slice(0, 4)}:${macTail.slice(4)}`,
    activatedAt: Date.UTC(2021, index % 12, 1 + (index % 28), 16),
    reservable: index % 5 === 3,
    isPublic: !model.home && index % 3 === 1,
    pricing: model.home ? null : site.pricing,
    waitlist: model.home || index % 9 !== 4 ? null : index % 2 === 0 ? "move" : "remain",
    residentNumber: null,
    ports: model.outlets.map((outlet, at) => buildPort(seed, number, outlet, at)),
    tellsBattery: model.dc || model.home || index % 4 === 1,
    canShedPerPort: model.canShedPerPort,
    canShedAbsolute: model.canShedAbsolute,
    panelSharing: model.panelSharing,
    unreachableSince: null,
  };
}

function buildPort(seed: number, stationNumber: number, outlet: Outlet, at: number): Port {
  return {
    number: outlet.number,
    kw: outlet.kw,
    outlet,
    random: new Random(seed, 0x907, stationNumber, at),
    session: null,
    fault: null,
    limit: null,
    measuredKw: null,
    outdated: null,
    phase: null,
    departure: null,
    arrival: null,
  };
}
