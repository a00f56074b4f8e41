/** Maximum length of a topic level, in UTF-8 bytes. A whole topic can have 65,535, so that enough remain for other levels. */
const MAX_LEVEL_BYTES = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are rejected
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Returns why a name cannot be a topic level, or undefined if it can, as a predicate:
 * `holds "+", which MQTT keeps for subscriptions`.
 */
export function levelFault(name: string): string | undefined {
  if (name === "") return "is empty";
  if (name !== name.trim()) return "begins or ends with a space";
  const wildcard = /[+#]/.exec(name)?.[0];
  if (wildcard) return `holds "${wildcard}", which MQTT keeps for subscriptions`;
  if (name.includes("/")) return 'holds "/", which divides the levels of a topic';
  if (name.startsWith("$")) return 'begins with "$", which MQTT keeps for the broker';
  if (CONTROL.test(name)) return "holds a control character";
  if (!name.isWellFormed()) return "holds half a character (a lone surrogate)";
  const bytes = Buffer.byteLength(name);
  return bytes > MAX_LEVEL_BYTES ? `is ${bytes} bytes long (at most ${MAX_LEVEL_BYTES})` : undefined;
}

/** Names that our own topics use in place of a point's name (contracts.md: `devices/<path>/all`, `state/<path>/…`). */
const RESERVED_POINTS = new Set(["all", "availability", "ends", "observedAt", "quality"]);

/** Returns why a point cannot have this name, or undefined if it can. */
export function pointNameFault(name: string): string | undefined {
  return RESERVED_POINTS.has(name) ? "is a word of the bridge's own topics and messages" : levelFault(name);
}

/** Levels after `devices/` that have another meaning. */
const RESERVED_FIRST_LEVELS = new Set(["all", "actuators"]);
const MAX_PATH_BYTES = 1024;

/** Returns why a device cannot have this topic path, or undefined if it can. */
export function devicePathFault(path: string): string | undefined {
  if (path === "") return "is empty";
  const levels = path.split("/");
  for (const level of levels) {
    const fault = levelFault(level);
    if (fault) return levels.length === 1 ? fault : `has a level that ${fault}`;
  }
  const first = levels[0]!;
  if (RESERVED_FIRST_LEVELS.has(first))
    return `begins with "${first}", which has another meaning after devices/`;
  const bytes = Buffer.byteLength(path);
  return bytes > MAX_PATH_BYTES ? `is ${bytes} bytes long (at most ${MAX_PATH_BYTES})` : undefined;
}

const HASH = "#".charCodeAt(0);
const PLUS = "+".charCodeAt(0);
const SLASH = "/".charCodeAt(0);

/** Returns whether a topic matches a filter with `+` and `#`. Allocates nothing: it is called many times for each message. */
export function matches(filter: string, topic: string): boolean {
  let at = 0;
  for (let i = 0; i < filter.length; i++) {
    const char = filter.charCodeAt(i);
    const isLevel = isLevelEnd(filter, i - 1) && isLevelEnd(filter, i + 1);
    if (char === HASH && isLevel) return true;
    if (char === PLUS && isLevel) {
      while (!isLevelEnd(topic, at)) at++;
      continue;
    }
    // `a/#` matches `a` too.
    if (at === topic.length) return filter.length === i + 2 && filter.endsWith("/#");
    if (char !== topic.charCodeAt(at)) return false;
    at++;
  }
  return at === topic.length;
}

function isLevelEnd(text: string, at: number): boolean {
  return at < 0 || at >= text.length || text.charCodeAt(at) === SLASH;
}
