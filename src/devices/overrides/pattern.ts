type Piece =
  | { readonly kind: "text"; readonly char: string }
  | { readonly kind: "any" }
  | { readonly kind: "star" }
  | { readonly kind: "set"; readonly not: boolean; readonly ranges: readonly (readonly [string, string])[] };

/**
 * Compiles a shell pattern of device paths: `*` is any text, including slashes, `?` one character, `[a-c]` one of these and
 * `[!a-c]` any other. Case-sensitive. The time of matching is at most proportional to both lengths, whatever the pattern.
 */
export function pathPattern(pattern: string): (path: string) => boolean {
  const pieces = piecesOf(pattern);
  return (path) => matches(pieces, [...path]);
}

function piecesOf(pattern: string): Piece[] {
  const chars = [...pattern];
  const pieces: Piece[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    // The first character of a set may be "]".
    const close = char === "[" ? chars.indexOf("]", i + (chars[i + 1] === "!" ? 3 : 2)) : -1;
    if (char === "*") pieces.push({ kind: "star" });
    else if (char === "?") pieces.push({ kind: "any" });
    else if (close < 0) pieces.push({ kind: "text", char });
    else {
      const not = chars[i + 1] === "!";
      pieces.push({ kind: "set", not, ranges: rangesOf(chars.slice(i + (not ? 2 : 1), close)) });
      i = close;
    }
  }
  return pieces;
}

function rangesOf(chars: readonly string[]): [string, string][] {
  const ranges: [string, string][] = [];
  for (let i = 0; i < chars.length; i++) {
    const [from, dash, to] = chars.slice(i, i + 3) as [string, string?, string?];
    const isRange = dash === "-" && to !== undefined;
    ranges.push([from, isRange ? to : from]);
    if (isRange) i += 2;
  }
  return ranges;
}

/** Backtracks only to the last star. */
function matches(pieces: readonly Piece[], path: readonly string[]): boolean {
  let piece = 0;
  let char = 0;
  let star = -1;
  let from = 0;
  while (char < path.length) {
    const wanted = pieces[piece];
    if (wanted?.kind === "star") {
      star = piece++;
      from = char;
    } else if (wanted && fits(wanted, path[char]!)) {
      piece++;
      char++;
    } else if (star >= 0) {
      piece = star + 1;
      char = ++from;
    } else {
      return false;
    }
  }
  return pieces.slice(piece).every(({ kind }) => kind === "star");
}

function fits(piece: Piece, char: string): boolean {
  if (piece.kind === "text") return piece.char === char;
  if (piece.kind === "set") return piece.not !== piece.ranges.some(([a, b]) => a <= char && char <= b);
  return true;
}
