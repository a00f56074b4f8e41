import type { Topics } from "../../mqtt/topics.ts";

/** Name of the integration in its own topics. */
const INTEGRATION = "home_assistant";
/** Key of the entity that says how long limits last. */
export const DURATION_KEY = "station_limit_duration";

/** Returns the retained topics of a device that the integration publishes itself: its last answer, and how long limits last. */
export function ownTopics(topics: Topics, objectId: string) {
  const topic = (rest: string) => topics.integration(INTEGRATION, `${objectId}/${rest}`);
  return { answer: topic("answer"), duration: topic(`${DURATION_KEY}/state`) };
}

/** Returns the topic of commands of an entity; {@link parseCommandTopic} reads it. */
export function commandTopic(topics: Topics, objectId: string, key: string): string {
  return topics.integration(INTEGRATION, `${objectId}/${key}/set`);
}

/** Returns the object id and the key of a command topic; undefined for any other topic. */
export function parseCommandTopic(
  topic: string,
  topics: Topics,
): { readonly objectId: string; readonly key: string } | undefined {
  const prefix = topics.integration(INTEGRATION, "");
  const [objectId, key, verb, ...rest] = topic.slice(prefix.length).split("/");
  if (!topic.startsWith(prefix) || verb !== "set" || rest.length > 0) return undefined;
  return { objectId: objectId!, key: key! };
}

/** Returns a filter for all command topics. */
export function commandFilter(topics: Topics): string {
  return topics.integration(INTEGRATION, "+/+/set");
}

/** Returns the topic on which the integration says that it takes commands. */
export function integrationState(topics: Topics): string {
  return topics.integration(INTEGRATION, "state");
}

/** Returns by what Home Assistant knows that a device's values are current. */
export function availabilityOf(path: string, topics: Topics): object[] {
  const value_template = '{{ "online" if value == "online" else "offline" }}';
  return [{ topic: topics.own("state") }, { topic: topics.availability(path), value_template }];
}
