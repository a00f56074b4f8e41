import { fullAddress, type Site } from "../world/sites.ts";
import type { World } from "../world/world.ts";
import { Refusal } from "./answer.ts";
import { type Around, isWithin, metresOf } from "./distance.ts";
import { sameText } from "./values.ts";

type Text = string | null;

/** Where to look for stations (guide §6.1.2, §7.1.2). */
export interface PlaceSearch {
  readonly Address?: Text;
  readonly City?: Text;
  readonly State?: Text;
  readonly Country?: Text;
  readonly postalCode?: Text;
  readonly Proximity?: number | null;
  readonly proximityUnit?: Text;
  readonly Geo?: { readonly Lat: Text; readonly Long: Text } | null;
}

export function namesPlace({ Address, City, State, Country, postalCode }: PlaceSearch): boolean {
  return Boolean(Address || City || State || Country || postalCode);
}

/**
 * The circle that a search asks for, and whether the words of its address count besides. A circle lies around Geo, or,
 * where only a Proximity is given, around the most granular part of the address (guide §6.1.2): then the words only
 * say where its middle is.
 *
 * @throws Refusal 135 where it cannot be read, 118 where Geo and a street address are not at the same place
 */
export function placeOf(world: World, search: PlaceSearch): { circle: Around | null; byText: boolean } {
  const { Geo, Proximity } = search;
  const metres = metresOf(Proximity, search.proximityUnit);
  if (Geo && Geo.Lat !== null && Geo.Long !== null) {
    const latitude = Number(Geo.Lat);
    const longitude = Number(Geo.Long);
    if (!(Math.abs(latitude) <= 90) || !(Math.abs(longitude) <= 180)) throw new Refusal("135");
    const circle = { latitude, longitude, metres };
    if (search.Address && !sitesAt(world, search).some((site) => isWithin(circle, site))) {
      throw new Refusal("118");
    }
    return { circle, byText: true };
  }
  if (Proximity === null || Proximity === undefined || !namesPlace(search)) {
    return { circle: null, byText: true };
  }
  const sites = sitesAt(world, mostGranular(search));
  // Nobody knows where that is; no station is there by its words either.
  if (sites.length === 0) return { circle: null, byText: true };
  const middle = (of: (site: Site) => number): number =>
    sites.reduce((sum, site) => sum + of(site), 0) / sites.length;
  const circle = {
    latitude: middle(({ latitude }) => latitude),
    longitude: middle(({ longitude }) => longitude),
    metres,
  };
  return { circle, byText: false };
}

/** The part of an address that says most exactly where it is; what is wider than it only tells places of that name apart. */
function mostGranular({ Address, City, State, Country, postalCode }: PlaceSearch): PlaceSearch {
  const wider = { State, Country };
  if (Address) return { Address, postalCode, City, ...wider };
  if (postalCode) return { postalCode, ...wider };
  return City ? { City, ...wider } : wider;
}

/** Places with stations that an address means. */
function sitesAt(world: World, search: PlaceSearch): readonly Site[] {
  return world.sites.filter((site) => isAt(site, search));
}

/** Whether all words of an address are the site's, in any case; the street may be given with what follows it. */
export function isAt(site: Site, { Address, City, State, Country, postalCode }: PlaceSearch): boolean {
  return (
    sameText(City, site.city) &&
    sameText(State, site.state) &&
    sameText(Country, site.country) &&
    sameText(postalCode, site.postalCode) &&
    (!Address || fullAddress(site).toLowerCase().includes(Address.toLowerCase()))
  );
}
