/** Bytes (UTF-8). MQTT carries 65,535 of a whole topic; this leaves room for everything around a name. */
const LONGEST_LEVEL = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Why a name cannot be one level of a topic, or undefined where it can. Told as what is wrong with it:
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
  return bytes > LONGEST_LEVEL ? `is ${bytes} bytes long (at most ${LONGEST_LEVEL})` : undefined;
}

/** Words that our own topics use where a point's name stands (contracts.md: `devices/<path>/all`, `state/<path>/…`). */
const RESERVED_POINTS = new Set(["all", "availability", "observedAt", "quality"]);

/** Why a point cannot have this name, or undefined where it can. */
export function pointNameFault(name: string): string | undefined {
  return RESERVED_POINTS.has(name) ? "is a word of the bridge's own topics and messages" : levelFault(name);
}

/** Words that follow `devices/` in topics of another meaning. */
const RESERVED_FIRST_LEVELS = new Set(["all", "actuators"]);
const LONGEST_PATH = 1024;

/** Why a device cannot have this topic path, or undefined where it can. */
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
  return bytes > LONGEST_PATH ? `is ${bytes} bytes long (at most ${LONGEST_PATH})` : undefined;
}
