import { XMLParser, XMLValidator } from "fast-xml-parser";

/**
 * A parsed element. Names of elements and attributes are local names, without prefix; namespace declarations are omitted.
 * `text` is the element's own text with references decoded, untrimmed.
 */
export interface XmlNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlNode[];
  readonly text: string;
}

export interface XmlLimits {
  /** Maximum size of a document, in bytes. */
  readonly maxBytes: number;
  /** Maximum nesting of elements. */
  readonly maxDepth: number;
  /** Maximum number of tags; start and end tags count separately. */
  readonly maxTags: number;
}

export const XML_LIMITS: XmlLimits = { maxBytes: 64 * 1024 * 1024, maxDepth: 64, maxTags: 1_000_000 };

/** Maximum length of a tag with its attributes, and of a run of text between two tags, in characters. */
export const MAX_TAG = 64 * 1024;
export const MAX_TEXT = 1024 * 1024;

export type XmlFault = "too large" | "too deep" | "encoding" | "doctype" | "html" | "malformed";

/** The document was rejected; `fault` is the reason. */
export class XmlError extends Error {
  override readonly name = "XmlError";
  readonly fault: XmlFault;

  constructor(fault: XmlFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/**
 * Parses a UTF-8 document into a tree. Documents are untrusted: a DOCTYPE is rejected unread, so that only the five
 * built-in and the numeric references exist; size, depth, number of tags and length of each are limited.
 * @throws XmlError
 */
export function parseXml(document: Uint8Array | string, limits: XmlLimits = XML_LIMITS): XmlNode {
  const text = decodeText(document, limits);
  checkTags(text, limits);
  let trees: OrderedNode[];
  try {
    trees = parser.parse(text) as OrderedNode[];
  } catch (cause) {
    throw new XmlError("malformed", "not well-formed XML", { cause });
  }
  // The parser does not compare the names of start and end tags; the validator does.
  const sound = XMLValidator.validate(text);
  if (sound !== true) {
    throw new XmlError("malformed", `not well-formed XML at line ${sound.err.line} (${sound.err.code})`);
  }
  const [root, ...others] = trees.filter((tree) => elementName(tree) !== undefined);
  if (!root || others.length > 0)
    throw new XmlError("malformed", "the document does not have exactly one root element");
  return toNode(root);
}

function decodeText(document: Uint8Array | string, limits: XmlLimits): string {
  const size = typeof document === "string" ? document.length : document.byteLength;
  if (size > limits.maxBytes)
    throw new XmlError("too large", `the document exceeds ${limits.maxBytes} bytes`);
  if (typeof document === "string") return document.replace(/^\uFEFF/, "");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(document);
  } catch (cause) {
    throw new XmlError("encoding", "the document is not UTF-8", { cause });
  }
}

/** Rejects what must not reach the parser, in one pass from tag to tag. */
function checkTags(text: string, { maxTags, maxDepth }: XmlLimits): void {
  if (/^\s*(<!doctype\s+html|<html[\s>])/i.test(text.slice(0, 1024))) {
    throw new XmlError("html", "an HTML page instead of XML");
  }
  let tags = 0;
  let depth = 0;
  let end = 0;
  for (let open = text.indexOf("<"); open >= 0; open = text.indexOf("<", end)) {
    if (open - end > MAX_TEXT) throw new XmlError("too large", `a text exceeds ${MAX_TEXT} characters`);
    if (++tags > maxTags) throw new XmlError("too large", `the document has more than ${maxTags} tags`);
    if (text.startsWith("<!--", open)) end = text.indexOf("-->", open + 4);
    else if (text.startsWith("<![CDATA[", open)) end = text.indexOf("]]>", open + 9);
    else if (text[open + 1] === "!") throw new XmlError("doctype", "a DOCTYPE is not accepted");
    else {
      end = text.indexOf(">", open);
      if (end - open > MAX_TAG) throw new XmlError("too large", `a tag exceeds ${MAX_TAG} characters`);
      if (text[open + 1] === "/") depth--;
      else if (text[open + 1] !== "?" && text[end - 1] !== "/") depth++;
      if (depth > maxDepth) throw new XmlError("too deep", `elements are nested more than ${maxDepth} deep`);
    }
    if (end < 0) throw new XmlError("malformed", "the document is cut off");
  }
  // The validator ignores text after a root that is an empty-element tag.
  if (!/^(-->|\]\]>|>)\s*$/.test(text.slice(end))) {
    throw new XmlError("malformed", "text outside the root element");
  }
}

const TEXT = "#text";
const CDATA = "#cdata";
const ATTRIBUTES = ":@";

/** The parser's output with `preserveOrder`: one key for the element or text, and one for its attributes. */
type OrderedNode = { readonly [key: string]: unknown };

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  textNodeName: TEXT,
  cdataPropName: CDATA,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // References are decoded below, where CDATA can be distinguished from text; depth is checked above.
  processEntities: false,
  maxNestedTags: Number.POSITIVE_INFINITY,
  onDangerousProperty: (name) => name,
});

function elementName(node: OrderedNode): string | undefined {
  return Object.keys(node).find((key) => key !== ATTRIBUTES && key !== TEXT && key !== CDATA);
}

function toNode(tree: OrderedNode): XmlNode {
  const name = elementName(tree) as string;
  const children: XmlNode[] = [];
  let text = "";
  for (const child of tree[name] as OrderedNode[]) {
    if (TEXT in child) text += decodeReferences(String(child[TEXT]));
    else if (CDATA in child)
      text += (child[CDATA] as OrderedNode[]).map((part) => String(part[TEXT])).join("");
    else children.push(toNode(child));
  }
  return { name: localName(name), attributes: attributesOf(tree), children, text };
}

const NO_ATTRIBUTES: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

function attributesOf(tree: OrderedNode): Readonly<Record<string, string>> {
  const raw = tree[ATTRIBUTES] as Record<string, unknown> | undefined;
  if (!raw) return NO_ATTRIBUTES;
  const attributes: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(raw)) {
    if (!/^xmlns(:|$)/.test(name)) attributes[localName(name)] = decodeReferences(String(value));
  }
  return attributes;
}

/** Returns a name without its prefix. */
export function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

const BUILT_IN: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** Returns text with its references decoded. @throws XmlError */
export function decodeReferences(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#x([\da-f]{1,6})|#(\d{1,7})|(\w+));/gi, (all, hex, dec, name) => {
    if (name !== undefined) {
      const character = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
      if (character === undefined) {
        throw new XmlError("malformed", `the reference ${all.slice(0, 40)} is not declared`);
      }
      return character;
    }
    const code = hex ? Number.parseInt(hex, 16) : Number(dec);
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : "";
    if (character === "" || UNCARRIABLE.test(character)) {
      throw new XmlError("malformed", `${all} is not an XML character`);
    }
    return character;
  });
}

/** Characters that XML 1.0 cannot carry, not even as references; lone surrogates among them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNCARRIABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/u;
const ALL_UNCARRIABLE = new RegExp(UNCARRIABLE, "gu");

/** Escapes text for an element or a double-quoted attribute; characters that XML cannot carry become U+FFFD. */
export function escapeXml(text: string): string {
  if (!/[^\x20-\x7e]|[&<>"]/.test(text)) return text;
  return text
    .replace(ALL_UNCARRIABLE, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\r", "&#13;");
}
