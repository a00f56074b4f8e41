/** The ChargePoint web services, client side; the message descriptions serve the simulator too. */

export {
  type CallOptions,
  type CallOutcome,
  type CallRecord,
  ChargePointClient,
  type ClientOptions,
} from "./client.ts";
export { decode, decodeStrict, type Problem } from "./decode.ts";
export { encode } from "./encode.ts";
export { endpointFor, REGIONS, type Region, regionOf } from "./endpoints.ts";
export {
  ApiError,
  CredentialsError,
  ProtocolError,
  type ProtocolFault,
  SoapFaultError,
  TransportError,
} from "./errors.ts";
export type { Draft, Field, Fields, Of, Operation, Paging, RequestOf, ResponseOf } from "./message.ts";
export { findOperation, operations } from "./operations/index.ts";
export { type PagesOptions, pages, type QueryOf, type RecordOf } from "./paging.ts";
export { classify, describe, type Outcome, RESPONSE_CODES } from "./response-codes.ts";
export type { Clock } from "./retry.ts";
export { type Credentials, readCredentials, securityHeader } from "./security.ts";
export {
  type Answer,
  buildFault,
  buildRequest,
  buildResponse,
  type Envelope,
  EnvelopeError,
  type Fault,
  parseEnvelope,
  type ReadAnswer,
  readAnswer,
} from "./soap.ts";
export { parseXml, XML_LIMITS, XmlError, type XmlLimits, type XmlNode } from "./xml.ts";
