import { createHash } from "node:crypto";
import type { DeviceInfo, Point } from "../../../points/index.ts";
import type { Component, Draft } from "./component.ts";

/** Ids of ChargePoint stations, as in `1:34003`. */
const STATION_ID = /^\d+:\d+$/;
/** Text that Home Assistant takes in a topic and that stays as it is; what {@link STATION_ID} becomes is left out. */
const PLAIN = /^(?!\d+_\d+$)[a-zA-Z0-9_-]{1,60}$/;

/**
 * Returns text as part of an id, of the characters `[a-zA-Z0-9_-]` only. No two texts become the same part: what has to be
 * changed gets a hash of the text, whatever else exists, so that ids never depend on other devices.
 */
export function idPart(text: string): string {
  if (STATION_ID.test(text)) return text.replace(":", "_");
  if (PLAIN.test(text)) return text;
  const readable = text
    .replace(/[^a-zA-Z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 40);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  return readable === "" ? hash : `${readable}_${hash}`;
}

/** Returns the id of a device at Home Assistant: of its station where the driver type tells, or else of its path. */
export function objectIdOf({ stationID, path }: Pick<DeviceInfo, "stationID" | "path">): string {
  return `voltbridge_${idPart(stationID ?? path)}`;
}

/**
 * Returns the ids of all devices by path. Of several devices with the same station, the one that `owners` names keeps the
 * station's id (the first where it names none), and the others have their path in it.
 */
export function objectIds(
  devices: Iterable<Pick<DeviceInfo, "stationID" | "path">>,
  owners: ReadonlyMap<string, string>,
): Map<string, string> {
  const byId = Map.groupBy(devices, objectIdOf);
  const ids = new Map<string, string>();
  for (const [id, sharing] of byId) {
    const owner = sharing.find(({ path }) => path === owners.get(id)) ?? sharing[0]!;
    for (const device of sharing)
      ids.set(device.path, device === owner ? id : `${id}_${idPart(device.path)}`);
  }
  return ids;
}

/**
 * Returns the part of an entity's id that names the value: its register and attribute, which stay the same when a point is
 * renamed. Only a point without an origin has its own name there.
 */
export function valueId({ name, origin }: Pick<Point, "name" | "origin">): string {
  if (!origin) return `station_point_${idPart(name)}`;
  const register = origin.register.replace(/Register$/, "") || "point";
  return `${placeId(origin.port)}_${idPart(register)}_${idPart(origin.attribute)}`;
}

/** Returns the part of an entity's id that names its port, or the station. */
export function placeId(port: string | undefined): string {
  return port === undefined ? "station" : `port${idPart(port)}`;
}

/** Gives each entity its id, and a name of its own: of two with the same, the second has the point's name in it. */
export function namedComponents(drafts: readonly Draft[], objectId: string, deviceName: string): Component[] {
  const names = new Set<string>();
  const prefix = entityIdPart(deviceName) || objectId.toLowerCase().replaceAll("-", "_");
  return drafts.map(({ name: wanted, config, ...draft }) => {
    const name = names.has(wanted) ? `${wanted} (${draft.point ?? draft.key})` : wanted;
    names.add(name);
    const given = {
      unique_id: `${objectId}_${draft.key}`,
      name,
      default_entity_id: `${draft.platform}.${prefix}_${entityIdPart(name) || draft.key.toLowerCase()}`,
    };
    const known = Object.entries({ ...given, ...config }).filter(([, value]) => value !== undefined);
    return { ...draft, config: Object.fromEntries(known) };
  });
}

/** Maximum length of a part of an entity id; the whole has 255 characters at most. */
const LONGEST_PART = 80;

function entityIdPart(text: string): string {
  const plain = text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "");
  return plain
    .replace(/[^a-z0-9]+/g, "_")
    .slice(0, LONGEST_PART)
    .replace(/^_+|_+$/g, "");
}
