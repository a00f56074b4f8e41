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
