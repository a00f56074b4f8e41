import {
  componentTopic,
  type DeviceDocument,
  type DiscoveryForm,
  type DiscoveryMessage,
  deviceTopic,
  messagesOf,
} from "./index.ts";

/** What was published of a device: enough to change it or to take it back. */
export interface PublishedDevice {
  readonly objectId: string;
  readonly form: DiscoveryForm;
  readonly prefix: string;
  /** Platform by key of the component. */
  readonly platforms: Readonly<Record<string, string>>;
}

/** A document in the form in which it is to be published. */
export interface WantedDevice {
  readonly document: DeviceDocument;
  readonly form: DiscoveryForm;
  readonly prefix: string;
}

/** Tells Home Assistant that an entity moves to another topic: it keeps its settings and history. */
const MIGRATE = JSON.stringify({ migrate_discovery: true });

/** Returns what is published of a device once its messages are out. */
export function publishedOf({ document, form, prefix }: WantedDevice): PublishedDevice {
  const platforms = Object.fromEntries(document.components.map(({ key, platform }) => [key, platform]));
  return { objectId: document.objectId, form, prefix, platforms };
}

/**
 * Returns the messages, all retained, that lead from what was published of a device to what is wanted, in the order in which they
 * are to be sent. `before` undefined: nothing was; `after` undefined: the device is gone. An entity that goes is first told to go, so
 * that Home Assistant removes it, and one that stays keeps its history.
 */
export function transition(
  before: PublishedDevice | undefined,
  after: WantedDevice | undefined,
): DiscoveryMessage[] {
  if (!before) return after ? messagesOf(after.document, after.form, after.prefix) : [];
  if (!after || !isSameDevice(before, after)) return [...removal(before), ...transition(undefined, after)];
  const next = publishedOf(after);
  const messages = messagesOf(after.document, after.form, after.prefix);
  const gone = Object.entries(before.platforms).filter(([key, platform]) => next.platforms[key] !== platform);
  if (before.form === next.form)
    return before.form === "device"
      ? [...withRemoved(after, gone), ...messages]
      : [...gone.map(([key, platform]) => empty(topicOf(before, key, platform))), ...messages];
  if (before.form === "device")
    return [
      ...withRemoved(after, gone),
      { topic: deviceTopic(before.objectId, before.prefix), payload: MIGRATE },
      ...messages,
      empty(deviceTopic(before.objectId, before.prefix)),
    ];
  const staying = Object.entries(before.platforms).filter(
    ([key, platform]) => next.platforms[key] === platform,
  );
  const topics = staying.map(([key, platform]) => topicOf(before, key, platform));
  return [
    ...gone.map(([key, platform]) => empty(topicOf(before, key, platform))),
    ...topics.map((topic) => ({ topic, payload: MIGRATE })),
    ...messages,
    ...topics.map(empty),
  ];
}

/** Returns the messages that take back what was published of a device. */
function removal({ objectId, form, prefix, platforms }: PublishedDevice): DiscoveryMessage[] {
  if (form === "device") return [empty(deviceTopic(objectId, prefix))];
  return Object.entries(platforms).map(([key, platform]) =>
    empty(componentTopic({ objectId, key, platform }, prefix)),
  );
}

/** A document of a device in which components that go have nothing but their platform. */
function withRemoved(
  { document, prefix }: WantedDevice,
  gone: readonly (readonly [key: string, platform: string])[],
): DiscoveryMessage[] {
  if (gone.length === 0) return [];
  const keys = new Set(gone.map(([key]) => key));
  const components = [
    ...document.components.filter(({ key }) => !keys.has(key)),
    ...gone.map(([key, platform]) => ({ key, platform, config: {} }) as DeviceDocument["components"][number]),
  ];
  return messagesOf({ ...document, components }, "device", prefix);
}

function isSameDevice(before: PublishedDevice, { document, prefix }: WantedDevice): boolean {
  return before.objectId === document.objectId && before.prefix === prefix;
}

function topicOf({ objectId, prefix }: PublishedDevice, key: string, platform: string): string {
  return componentTopic({ objectId, key, platform }, prefix);
}

function empty(topic: string): DiscoveryMessage {
  return { topic, payload: "" };
}
