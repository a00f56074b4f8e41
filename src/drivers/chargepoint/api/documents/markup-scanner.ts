import { isAscii } from "node:buffer";
import { readBoolean } from "./decode.ts";
import { decodeReferences, localName, MAX_TAG, MAX_TEXT, XmlError, type XmlLimits } from "./xml.ts";

/** The document contains something that the scanner does not handle; `parseXml` does. */
export class Unusual extends Error {
  override readonly name = "Unusual";
}

/** Half of the maximum that `parseXml` accepts between two tags: white space before a text is measured separately. */
const LONGEST_RUN = MAX_TEXT / 2 - 16;

/** Number of bytes in which tags are counted at a time. */
const PIECE = 256 * 1024;

const LT = 0x3c;
const GT = 0x3e;
const SLASH = 0x2f;
const BANG = 0x21;

const DECLARATION =
  /^<\?xml version=(?:"1\.0"|'1\.0')(?: encoding=(?:"[\w-]+"|'[\w-]+'))?(?: standalone=(?:"yes"|"no"|'yes'|'no'))? ?\?>/;
const START = /<([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)/y;
const ATTRIBUTE =
  /[ \t\n\r]+([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)[ \t\n\r]*=[ \t\n\r]*("[^"<>&]*"|'[^'<>&]*')/y;
const START_END = /[ \t\n\r]*(\/?)>/y;
const END_TAIL = /[ \t\n\r]*>/y;
const REFERENCE = /&(?:(?:lt|gt|amp|quot|apos|#\d{1,7}|#x[\dA-Fa-f]{1,6});)?/g;

/**
 * Scans the markup of a document once, from start to end, with its position in `at`. It accepts only what is unambiguous;
 * everything else, broken or merely rare (processing instructions, names that are not ASCII, `>` in attributes, …), ends
 * the scan with {@link Unusual}, so that a single reader decides what is rejected and why.
 */
export class MarkupScanner {
  readonly text: string;
  at = 0;
  /** Whether the last start tag was an empty-element tag. */
  empty = false;
  /** Whether it had `xsi:nil`. */
  nil = false;
  /** Number of open elements. */
  #depth = 0;
  readonly #maxDepth: number;

  /** @throws Unusual for what is not UTF-8 or exceeds the limits */
  constructor(document: Uint8Array, limits: XmlLimits) {
    if (document.byteLength > limits.maxBytes) throw new Unusual();
    // No tag is shorter than three characters, so only large documents need their tags counted.
    if (document.byteLength > 3 * limits.maxTags && hasMoreTags(document, limits.maxTags))
      throw new Unusual();
    this.text = textOf(document);
    this.#maxDepth = limits.maxDepth;
    this.at = DECLARATION.exec(this.text)?.[0].length ?? 0;
  }

  /**
   * Moves past the first tag of an element, which only white space and comments may precede. Returns its name with the
   * prefix.
   */
  root(): string {
    this.#outside();
    return this.startTag();
  }

  /** Moves to the end of the document. */
  end(): void {
    this.#outside();
    if (this.at !== this.text.length) throw new Unusual();
  }

  /** Moves to the next child of an open element and returns its name; null where the element has ended. */
  child(parent: string): string | null {
    for (;;) {
      const kind = this.peek();
      if (kind === "start") return this.startTag();
      if (kind === "end") {
        this.endTag(parent);
        return null;
      }
      this.characters();
    }
  }

  /** Returns what follows the white space. */
  peek(): "start" | "end" | "characters" {
    const { text } = this;
    let { at } = this;
    let code = text.charCodeAt(at);
    while (code === 0x20 || (code >= 0x09 && code <= 0x0a)) code = text.charCodeAt(++at);
    if (at - this.at > LONGEST_RUN) throw new Unusual();
    this.at = at;
    if (code !== LT) return "characters";
    const next = text.charCodeAt(at + 1);
    return next === SLASH ? "end" : next === BANG ? "characters" : "start";
  }

  /** Reads a run of text, a comment (which has no text) or a CDATA section. */
  characters(): string {
    const { text, at } = this;
    if (text.charCodeAt(at) !== LT) {
      this.at = text.indexOf("<", at);
      if (this.at < 0 || this.at - at > LONGEST_RUN) throw new Unusual();
      return resolved(text.slice(at, this.at));
    }
    if (text.startsWith("<!--", at)) {
      this.#comment();
      return "";
    }
    const end = text.startsWith("<![CDATA[", at) ? text.indexOf("]]>", at) : -1;
    if (end < 0) throw new Unusual();
    this.at = end + 3;
    return text.slice(at + 9, end);
  }

  /** Reads the start tag here: returns its name with the prefix, and sets `empty` and `nil`. */
  startTag(): string {
    const { text, at } = this;
    START.lastIndex = at;
    const name = START.exec(text)?.[1];
    if (name === undefined || isBuiltIn(name)) throw new Unusual();
    this.at = START.lastIndex;
    this.nil = false;
    const code = text.charCodeAt(this.at);
    if (code !== GT && code !== SLASH) this.#attributes();
    START_END.lastIndex = this.at;
    const end = START_END.exec(text);
    if (end === null || START_END.lastIndex - at > MAX_TAG) throw new Unusual();
    this.at = START_END.lastIndex;
    this.empty = end[1] === "/";
    if (!this.empty && ++this.#depth > this.#maxDepth) throw new Unusual();
    return name;
  }

  /** Enters an element whose start tag the caller has compared itself. */
  enter(at: number): void {
    if (++this.#depth > this.#maxDepth) throw new Unusual();
    this.at = at;
  }

  /** Reads the end tag of an element, which must follow here. */
  endTag(name: string): void {
    const { text } = this;
    const after = this.at + 2 + name.length;
    if (!text.startsWith(name, this.at + 2)) throw new Unusual();
    this.#depth--;
    if (text.charCodeAt(after) === GT) {
      this.at = after + 1;
      return;
    }
    END_TAIL.lastIndex = after;
    if (!END_TAIL.test(text) || END_TAIL.lastIndex - this.at > MAX_TAG) throw new Unusual();
    this.at = END_TAIL.lastIndex;
  }

  /** Reads an open element that contains only text; returns null, and reads nothing, where that is not certain at once. */
  leaf(close: string): string | null {
    const { text, at } = this;
    const end = text.indexOf("<", at);
    if (end - at > LONGEST_RUN || !text.startsWith(close, end)) return null;
    this.at = end + close.length;
    this.#depth--;
    return resolved(text.slice(at, end));
  }

  /** Reads an open element to its end and returns its text; null where it contains elements, which are skipped. */
  content(name: string): string | null {
    const open = [name];
    let text = "";
    let bare = true;
    for (let last = name; ; ) {
      // Not `peek`: the white space is part of the text.
      if (this.text.charCodeAt(this.at) !== LT) text += this.characters();
      const kind = this.peek();
      if (kind === "characters") text += this.characters();
      else if (kind === "end") {
        this.endTag(last);
        open.pop();
        const outer = open.at(-1);
        if (outer === undefined) return bare ? text : null;
        last = outer;
      } else {
        bare = false;
        const child = this.startTag();
        if (this.empty) continue;
        open.push(child);
        last = child;
      }
    }
  }

  #attributes(): void {
    const names: string[] = [];
    ATTRIBUTE.lastIndex = this.at;
    for (let match = ATTRIBUTE.exec(this.text); match !== null; match = ATTRIBUTE.exec(this.text)) {
      this.at = ATTRIBUTE.lastIndex;
      const [, name = "", quoted = ""] = match;
      if (isBuiltIn(name) || names.includes(name) || names.length > 64) throw new Unusual();
      names.push(name);
      if (localName(name) === "nil" && !name.startsWith("xmlns:")) {
        this.nil = readBoolean(quoted.slice(1, -1)) === true;
      }
    }
  }

  #outside(): void {
    while (this.at < this.text.length && this.peek() === "characters") {
      if (this.at === this.text.length) return;
      this.#comment();
    }
  }

  #comment(): void {
    const { text, at } = this;
    const end = text.startsWith("<!--", at) ? text.indexOf("--", at + 4) : -1;
    // Rejects a double hyphen inside a comment, and `<!-->`.
    if (end < 0 || text.charCodeAt(end + 2) !== GT || text.charCodeAt(at + 4) === GT) throw new Unusual();
    this.at = end + 3;
  }
}

/** Counts tags piece by piece, before all of a large document becomes one string. */
function hasMoreTags(document: Uint8Array, most: number): boolean {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
  let tags = 0;
  for (let from = 0; from < bytes.byteLength; from += PIECE) {
    const text = bytes.toString("latin1", from, from + PIECE);
    for (let open = text.indexOf("<"); open >= 0; open = text.indexOf("<", open + 1))
      if (++tags > most) return true;
  }
  return false;
}

function textOf(document: Uint8Array): string {
  let text: string;
  if (isAscii(document)) {
    text = Buffer.from(document.buffer, document.byteOffset, document.byteLength).toString("latin1");
  } else {
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(document);
    } catch {
      throw new Unusual();
    }
  }
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

/** Returns text with its references decoded. */
function resolved(text: string): string {
  if (!text.includes("&")) return text;
  for (const [reference] of text.matchAll(REFERENCE)) if (reference === "&") throw new Unusual();
  try {
    return decodeReferences(text);
  } catch (error) {
    if (error instanceof XmlError) throw new Unusual();
    throw error;
  }
}

/** Returns whether JavaScript's own objects have a property of that name: fast-xml-parser rejects some of them. */
function isBuiltIn(name: string): boolean {
  return name in Object.prototype || name === "prototype";
}
