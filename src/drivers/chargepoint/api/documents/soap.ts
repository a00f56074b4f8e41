import type { Draft, Fields, Of, Operation } from "../message.ts";
import { decode } from "./decode.ts";
import { encode } from "./encode.ts";
import { escapeXml, localName, parseXml, type XmlLimits, type XmlNode } from "./xml.ts";

/** SOAP 1.1 envelopes, both sides. */

export const SOAP_NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/";
export const SERVICE_NAMESPACE = "urn:dictionary:com.chargepoint.webservices";

/** Returns the value of the SOAPAction header, including quotes. */
export function soapAction(operation: Operation): string {
  return `"urn:provider/interface/chargepointservices/${operation.name}"`;
}

/** Returns a request. `header` is the complete content of the SOAP Header, such as a security header. */
export function buildRequest<Q extends Fields, A extends Fields>(
  operation: Operation<Q, A>,
  request: Draft<Q>,
  header = "",
): string {
  const whole = { ...emptyQuery(operation.request), ...request };
  return envelope(header, body(operation.name, encode(operation.request, whole)));
}

/**
 * The service's schema requires the group that contains a call's parameters (`searchQuery`, `shedQuery`) even where it is
 * empty.
 */
function emptyQuery<Q extends Fields>(request: Q): Draft<Q> {
  const groups = Object.entries(request).filter(([, { kind }]) => kind === "group");
  return Object.fromEntries(groups.map(([name]) => [name, {}])) as Draft<Q>;
}

/** Returns an answer, under the name by which the operation was called where it has several. */
export function buildResponse<Q extends Fields, A extends Fields>(
  operation: Operation<Q, A>,
  response: Draft<A>,
  calledAs = operation.name,
): string {
  return envelope("", body(responseName({ name: calledAs }), encode(operation.response, response)));
}

export interface Fault {
  /** Local part of the faultcode, such as `Client`, `Server`, `FailedAuthentication`. */
  readonly code: string;
  readonly text: string;
  /** Text of the detail element, including its children's; empty where there is none. */
  readonly detail: string;
}

/** Returns a fault. SOAP's own codes (Client, Server, …) carry its prefix, security codes that of WS-Security. */
export function buildFault(fault: {
  readonly code: string;
  readonly text: string;
  readonly detail?: string;
}): string {
  const own = ["Client", "Server", "MustUnderstand", "VersionMismatch"].includes(fault.code);
  const detail = fault.detail === undefined ? "" : `<detail>${escapeXml(fault.detail)}</detail>`;
  return envelope(
    "",
    `<soapenv:Fault xmlns:wsse="${WSSE_NAMESPACE}"><faultcode>${own ? "soapenv" : "wsse"}:${escapeXml(fault.code)}</faultcode>` +
      `<faultstring>${escapeXml(fault.text)}</faultstring>${detail}</soapenv:Fault>`,
  );
}

/** Namespace of WS-Security; some fault codes are in it too. */
export const WSSE_NAMESPACE =
  "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

export interface Envelope {
  readonly header: XmlNode | null;
  /** First element of the Body; null where it is empty. */
  readonly body: XmlNode | null;
  /** The body where it is a Fault. */
  readonly fault: Fault | null;
}

/** The document is XML but not a SOAP envelope. */
export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
}

/** Reads any envelope, request or answer, with any prefixes. @throws XmlError, EnvelopeError */
export function parseEnvelope(document: Uint8Array | string, limits?: XmlLimits): Envelope {
  const root = parseXml(document, limits);
  if (root.name !== "Envelope") throw new EnvelopeError(`<${root.name}> is not a SOAP envelope`);
  const content = child(root, "Body");
  if (!content) throw new EnvelopeError("the SOAP envelope has no Body");
  const first = content.children[0] ?? null;
  return {
    header: child(root, "Header"),
    body: first,
    fault: first?.name === "Fault" ? readFault(first) : null,
  };
}

/** Returns the name of the element that answers an operation. */
export function responseName(operation: Pick<Operation, "name">): string {
  return `${operation.name}Response`;
}

/** Returns whether an element answers an operation, under any of its names. */
function isAnswer({ name, also = [] }: Operation, element: string): boolean {
  return [name, ...also].some((known) => element === responseName({ name: known }));
}

/** A response or a fault, read from an answer's document. */
export type Answer<A extends Fields> =
  | { readonly kind: "response"; readonly value: Of<A> }
  | { readonly kind: "fault"; readonly fault: Fault };

/**
 * Reads answers for the client: the only function between text and typed values, so that it can be replaced by a faster
 * one.
 */
export type ReadAnswer = <Q extends Fields, A extends Fields>(
  operation: Operation<Q, A>,
  document: Uint8Array,
  limits?: XmlLimits,
) => Answer<A>;

/** Reads the answer to an operation. @throws XmlError, and EnvelopeError for a body that answers something else. */
export const readAnswer: ReadAnswer = (operation, document, limits) => {
  const { body: first, fault } = parseEnvelope(document, limits);
  if (fault) return { kind: "fault", fault };
  if (!first || !isAnswer(operation, first.name)) {
    const got = first ? `<${first.name}>` : "nothing";
    throw new EnvelopeError(`expected <${responseName(operation)}> in the SOAP Body, found ${got}`);
  }
  return { kind: "response", value: decode(operation.response, first) };
};

function readFault(node: XmlNode): Fault {
  const detail = child(node, "detail");
  return {
    code: localName(child(node, "faultcode")?.text.trim() ?? ""),
    text: child(node, "faultstring")?.text.trim() ?? "",
    detail: detail ? allText(detail) : "",
  };
}

function allText(node: XmlNode): string {
  return [node.text.trim(), ...node.children.map(allText)].filter((text) => text !== "").join(" ");
}

/** Returns the first child with that local name. */
export function child(node: XmlNode, name: string): XmlNode | null {
  return node.children.find((candidate) => candidate.name === name) ?? null;
}

function body(name: string, content: string): string {
  return `<urn:${name} xmlns:urn="${SERVICE_NAMESPACE}">${content}</urn:${name}>`;
}

function envelope(header: string, content: string): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv="${SOAP_NAMESPACE}">` +
    `${header === "" ? "" : `<soapenv:Header>${header}</soapenv:Header>`}` +
    `<soapenv:Body>${content}</soapenv:Body></soapenv:Envelope>`
  );
}
