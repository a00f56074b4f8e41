/**
 * Reads the objects of the one list in a JSON response, `{"name":[{…},{…}]}`, as they arrive: the first rows are drawn
 * before the last ones are there, and no long text is parsed in one go.
 */
export async function* objectsOf<T>(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<readonly T[]> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  /** Where the scan resumes, and where the first object that is not complete begins. */
  let at = 0;
  let start = -1;
  let depth = 0;
  let inString = false;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      let first = start;
      let end = -1;
      for (; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (inString) {
          if (code === BACKSLASH) at++;
          else if (code === QUOTE) inString = false;
        } else if (code === QUOTE) inString = true;
        else if (code === OPEN) {
          // The outer object is 1, the objects of the list are 2.
          if (++depth === 2) {
            start = at;
            if (first < 0) first = at;
          }
        } else if (code === CLOSE && --depth === 1) {
          end = at + 1;
          start = -1;
          // In pieces that are parsed in a few milliseconds.
          if (end - first > PIECE) {
            yield JSON.parse(`[${text.slice(first, end)}]`) as T[];
            first = end = -1;
          }
        }
      }
      if (end > 0) yield JSON.parse(`[${text.slice(first, end)}]`) as T[];
      const kept = start < 0 ? text.length : start;
      text = text.slice(kept);
      at -= kept;
      if (start >= 0) start = 0;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;
const PIECE = 128 * 1024;
