import { isUtf8 } from "node:buffer";
import { XmlError } from "./xml.ts";

const UTF_8 = /^(utf-?8|us-ascii|ascii)$/i;
const CHARSET = /charset\s*=\s*["']?([\w.:-]+)/i;
const DECLARED = /^(?:\xef\xbb\xbf)?<\?xml\s[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/;
/** Longest declaration that is looked at. */
const DECLARATION_BYTES = 200;

/**
 * The bytes of a document in UTF-8, whatever its charset. The HTTP header's charset counts before the XML declaration's (RFC
 * 7303 §3), unless it says UTF-8 and the bytes are none: many servers add that to whatever they send.
 *
 * @throws XmlError for a charset that is not known, or bytes that are not of it
 */
export function inUtf8(document: Buffer, contentType: string | undefined): Buffer {
  const inHeader = CHARSET.exec(contentType ?? "")?.[1];
  if (inHeader !== undefined && !UTF_8.test(inHeader)) return decoded(document, inHeader);
  const declared = DECLARED.exec(document.toString("latin1", 0, DECLARATION_BYTES))?.[1];
  if (declared === undefined || UTF_8.test(declared)) return document;
  if (inHeader !== undefined && isUtf8(document)) return document;
  return decoded(document, declared);
}

function decoded(document: Buffer, charset: string): Buffer {
  try {
    return Buffer.from(new TextDecoder(charset, { fatal: true }).decode(document));
  } catch (cause) {
    throw new XmlError("encoding", `the document cannot be read in the charset ${charset} that it declares`, {
      cause,
    });
  }
}
