import { closest } from "../../config/files/did-you-mean.ts";
import type { Problem } from "../../drivers/chargepoint/api/documents/decode.ts";
import { type Envelope, parseEnvelope } from "../../drivers/chargepoint/api/documents/soap.ts";
import { XML_LIMITS, type XmlLimits } from "../../drivers/chargepoint/api/documents/xml.ts";
import type { Field, Fields } from "../../drivers/chargepoint/api/message.ts";

/** Limits of a request; the largest, 500 station IDs, is far smaller. */
export const REQUEST_LIMITS: XmlLimits = { ...XML_LIMITS, maxBytes: 1024 * 1024, maxDepth: 32 };

/** A SOAP Fault as an exception. `code` is the local part of the faultcode. */
export class FaultError extends Error {
  override readonly name = "FaultError";
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}

/** Where a document names the namespace of its Envelope. */
const BEGINNING = 512;
const SOAP_12 = "http://www.w3.org/2003/05/soap-envelope";
const NEXT_ACTOR = "http://schemas.xmlsoap.org/soap/actor/next";

/**
 * Opens a request as SOAP 1.1 requires (§4.1.2, §4.2.3): rejects other versions, and mandatory header entries that are not
 * understood.
 * @throws XmlError, EnvelopeError, FaultError
 */
export function openEnvelope(document: Uint8Array | string): Envelope {
  const start = typeof document === "string" ? document : Buffer.from(document.subarray(0, BEGINNING));
  if (start.slice(0, BEGINNING).includes(SOAP_12)) {
    throw new FaultError("VersionMismatch", "this is SOAP 1.2; the service speaks SOAP 1.1");
  }
  const envelope = parseEnvelope(document, REQUEST_LIMITS);
  for (const { name, attributes } of envelope.header?.children ?? []) {
    const { mustUnderstand, actor = "" } = attributes;
    if (name === "Security" || (actor !== "" && actor !== NEXT_ACTOR)) continue;
    if (mustUnderstand === "1" || mustUnderstand === "true") {
      throw new FaultError("MustUnderstand", `the header entry ${name} is not understood`);
    }
  }
  return envelope;
}

/** Returns the fault of a request as a text for its sender: where, what, and a suggestion. */
export function tell(operation: string, fields: Fields, { path, kind, message }: Problem): string {
  const steps = path.split("/");
  const last = steps.pop()!;
  const meant = kind === "unknown" ? closest(last, namesAt(fields, steps)) : undefined;
  const place = path === "" ? operation : `${operation}/${path}`;
  return `${place}: ${message}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

/** Returns the names of the elements that are allowed at a place. */
function namesAt(fields: Fields, path: readonly string[]): string[] {
  let here = fields;
  for (const step of path) {
    const field: Field | undefined = here[step];
    const element = field?.kind === "list" ? field.element : field;
    if (element?.kind !== "group") return [];
    here = element.fields;
  }
  return Object.keys(here);
}
