import { RE2JS, RE2JSSyntaxException } from "re2js";
import { QueryError } from "../errors.ts";

const MAX_LENGTH = 1000;

/**
 * Compiles a regular expression (RE2 syntax) that matches anywhere in a topic's name, ignoring case, as in VOLTTRON. The time of a
 * match is linear in the length of the name, so that no pattern (`(a+)+$`) can block the bridge.
 * @throws {QueryError} that names the invalid part.
 */
export function compilePattern(pattern: string): (name: string) => boolean {
  if (pattern.length > MAX_LENGTH)
    throw new QueryError("pattern", `must have at most ${MAX_LENGTH} characters, found ${pattern.length}`);
  try {
    const compiled = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
    return (name) => compiled.test(name);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    // RE2 prepends the flag for ignoring case; it is not part of the caller's pattern.
    const place = (error.getPattern() ?? pattern).replace(/^\(\?i\)/, "");
    const where = place === pattern ? "" : ` at "${place}"`;
    throw new QueryError("pattern", `${error.getDescription()}${where} in "${pattern}"`);
  }
}
