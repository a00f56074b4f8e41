import { RE2JS, RE2JSSyntaxException } from "re2js";
import { QueryError } from "../errors.ts";

const MAX_LENGTH = 1000;

/**
 * Compiles a regular expression (RE2's syntax) that finds topics: anywhere in the name, whatever the case, as VOLTTRON does.
 * The time of a match grows with the length of the name, so that no pattern (`(a+)+$`) can hang the bridge. Throws a
 * QueryError that says what is wrong where.
 */
export function compilePattern(pattern: string): (name: string) => boolean {
  if (pattern.length > MAX_LENGTH) throw new QueryError("pattern", `is longer than ${MAX_LENGTH} characters`);
  try {
    const compiled = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
    return (name) => compiled.test(name);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    // The flag that it puts before is nobody's.
    const place = (error.getPattern() ?? pattern).replace(/^\(\?i\)/, "");
    const where = place === pattern ? "" : ` at "${place}"`;
    throw new QueryError("pattern", `${error.getDescription()}${where} in "${pattern}"`);
  }
}
