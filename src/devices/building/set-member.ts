import { asLevel, fillTemplate } from "../../config/index.ts";
import type { SetMember } from "../../drivers/abilities.ts";
import { devicePathFault } from "../../points/index.ts";
import type { LoadedDevice } from "./build.ts";

/** Returns the config of a member's device, made from that of its set. */
export function deviceOfMember(
  { settings, rows }: LoadedDevice,
  { id }: SetMember,
  path: string,
): LoadedDevice {
  const { set, ...own } = settings;
  const { [set!.key]: _, ...rest } = settings.driverConfig as Record<string, unknown>;
  return { settings: { ...own, path, driverConfig: { ...rest, [set!.member]: id } }, rows };
}

/** Returns the member's topic path; undefined where a placeholder of the set's topic has no value for it. */
export function pathOfMember({ settings }: LoadedDevice, { names }: SetMember): string | undefined {
  let known = true;
  const path = fillTemplate(settings.path, (name) => {
    if (names[name] === undefined) known = false;
    return asLevel(names[name] ?? "");
  });
  return known ? path : undefined;
}

/** Returns why a member cannot be a device; undefined where it can. `ownerOf` returns the owner of a topic path. */
export function memberFault(
  loaded: LoadedDevice,
  member: SetMember,
  ownerOf: (path: string) => string | undefined,
): string | undefined {
  const { path: topic, set } = loaded.settings;
  const path = pathOfMember(loaded, member);
  if (path === undefined) {
    const missing = set!.placeholders.filter(
      (name) => member.names[name] === undefined && topic.includes(`{${name}}`),
    );
    return `it has no ${missing.join(", no ")}, which its topic ${topic} needs`;
  }
  const fault = devicePathFault(path);
  if (fault) return `its topic path ${JSON.stringify(path)} ${fault}`;
  const owner = ownerOf(path);
  return owner && `topic path ${path} belongs to ${owner} already; put {${set!.member}} into the topic`;
}

/** Returns the member's name for messages. */
export function labelOf({ id, names }: SetMember): string {
  const name = names.stationName ?? names.name;
  return name === undefined || name === id ? `station ${id}` : `station ${id} (${name})`;
}
