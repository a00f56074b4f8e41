// A device becomes what Home Assistant is told of it: one document, published as one message for the device or as one for each
// entity. Nothing here sends; the functions depend on their arguments only.
import type { DeviceInfo } from "../../../points/index.ts";
import type { Component, DocumentContext, RefusedComponent } from "../entities/component.ts";
import { objectIdOf } from "../entities/identity.ts";
import { describeEntities } from "../entities/index.ts";
import { documentFaults, faultsOf } from "../rules/index.ts";
import { availabilityOf } from "../topics.ts";

export type {
  Component,
  ComponentCommand,
  DocumentContext,
  RefusedComponent,
} from "../entities/component.ts";
export { objectIdOf, objectIds } from "../entities/identity.ts";
export { valuesNeeded } from "../entities/nameplate.ts";

/** What Home Assistant is told of a device. */
export interface DeviceDocument {
  readonly objectId: string;
  /** Keys that all components share: `device`, `origin`, `availability`, … */
  readonly shared: Readonly<Record<string, unknown>>;
  readonly components: readonly Component[];
  readonly refused: readonly RefusedComponent[];
}

export interface DiscoveryMessage {
  readonly topic: string;
  /** JSON, or empty. */
  readonly payload: string;
}

/** `device`: one message for all entities. `component`: one message for each. */
export type DiscoveryForm = "device" | "component";

/** Maximum size of a document in the form `device`, in bytes. Where a broker takes less, its refusal leads to the other form. */
const LARGEST_DOCUMENT = 131_072 - 1024;

/** Returns what Home Assistant is told of a device. */
export function describeDevice(device: DeviceInfo, context: DocumentContext): DeviceDocument {
  const objectId = context.objectId ?? objectIdOf(device);
  const { topics, instance } = context;
  const { device: about, components, refused } = describeEntities(device, objectId, context);
  const shared = {
    device: {
      identifiers: [objectId],
      ...about,
      via_device: bridgeId(instance),
    },
    origin: originOf(context),
    availability: availabilityOf(device.path, topics),
    availability_mode: "all",
  };
  return checked({ objectId, shared, components, refused });
}

/** Returns what Home Assistant is told of the bridge itself, to which its devices belong. */
export function describeBridge(context: DocumentContext): DeviceDocument {
  const { instance, version, topics } = context;
  const objectId = bridgeId(instance);
  const key = "connected";
  const config = {
    ...{
      unique_id: `${objectId}_${key}`,
      name: "Connected",
      default_entity_id: `binary_sensor.${objectId.toLowerCase().replaceAll("-", "_")}`,
    },
    ...{ state_topic: topics.own("state"), payload_on: "online", payload_off: "offline" },
    ...{ device_class: "connectivity", entity_category: "diagnostic" },
  };
  const shared = {
    device: {
      ...{ identifiers: [objectId], name: `voltbridge ${instance}`, manufacturer: "voltbridge" },
      ...{ model: "Bridge", sw_version: version },
    },
    origin: originOf(context),
  };
  return checked({ objectId, shared, components: [{ key, platform: "binary_sensor", config }], refused: [] });
}

/** Returns the form in which a document goes out: one that is too large for one message goes out in many. */
export function formFor(document: DeviceDocument, wanted: DiscoveryForm, prefix: string): DiscoveryForm {
  if (wanted === "component") return wanted;
  const [{ payload }] = messagesOf(document, "device", prefix) as [DiscoveryMessage];
  return Buffer.byteLength(payload) > LARGEST_DOCUMENT ? "component" : "device";
}

/** Returns the messages of a document in one form, in the order in which they are to be sent. */
export function messagesOf(
  document: DeviceDocument,
  form: DiscoveryForm,
  prefix: string,
): DiscoveryMessage[] {
  const { objectId, shared, components } = document;
  if (form === "device") {
    const all = components.map(({ key, platform, config }) => [key, { platform, ...config }]);
    const payload = JSON.stringify({ ...shared, components: Object.fromEntries(all) });
    return [{ topic: deviceTopic(objectId, prefix), payload }];
  }
  return components.map(({ key, platform, config }) => ({
    topic: componentTopic({ objectId, key, platform }, prefix),
    payload: JSON.stringify({ ...shared, ...config }),
  }));
}

export function deviceTopic(objectId: string, prefix: string): string {
  return `${prefix}/device/${objectId}/config`;
}

/** Returns the topic of one entity. Its second and third level are what Home Assistant calls the entity in the form `device` too. */
export function componentTopic(
  { objectId, key, platform }: { readonly objectId: string; readonly key: string; readonly platform: string },
  prefix: string,
): string {
  return `${prefix}/${platform}/${objectId}/${key}/config`;
}

function bridgeId(instance: string): string {
  return objectIdOf({ path: `bridge_${instance}` });
}

function originOf({ version }: DocumentContext) {
  return { name: "voltbridge", sw_version: version };
}

/** Moves the components that Home Assistant would refuse to the refused ones. */
function checked(document: DeviceDocument): DeviceDocument {
  const refused = [...document.refused];
  const [wrong] = documentFaults(document.shared);
  if (wrong) return { ...document, components: [], refused: [...refused, { component: "*", ...wrong }] };
  const components: Component[] = [];
  const ids = new Set<string>();
  for (const component of document.components) {
    const { key, platform, point, config } = component;
    const id = `${platform} ${config.unique_id}`;
    const [fault] = ids.has(id)
      ? [{ rule: "duplicate_unique_id", text: `another ${platform} has the unique_id ${config.unique_id}` }]
      : faultsOf(platform, config);
    ids.add(id);
    if (fault) refused.push({ component: key, point, ...fault });
    else components.push(component);
  }
  return { ...document, components, refused };
}
