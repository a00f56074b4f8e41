/**
 * Client of the ChargePoint web services: a call becomes a SOAP request, its answer a typed value or an error. The
 * simulator uses the same message descriptions.
 */

export {
  ChargePoint,
  type ClearShedQuery,
  type FleetVehicleChange,
  type LoadShedEvent,
  type NewFleetVehicle,
  type ShedQuery,
  type UserStatus,
  type WaitlistDone,
} from "./chargepoint.ts";
export {
  type CallOptions,
  type CallOutcome,
  type CallRecord,
  ChargePointClient,
  type ClientOptions,
} from "./client.ts";
export { decode, decodeStrict, type Problem } from "./documents/decode.ts";
export { encode } from "./documents/encode.ts";
export { readPage } from "./documents/page-reader.ts";
export { type Credentials, readCredentials, securityHeader } from "./documents/security.ts";
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
} from "./documents/soap.ts";
export { parseXml, XML_LIMITS, XmlError, type XmlLimits, type XmlNode } from "./documents/xml.ts";
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
export { ChargePointReader } from "./reader.ts";
export type {
  Alarm,
  ChargingSession,
  CpnInstance,
  FleetUsage,
  FleetVehicle,
  Load,
  OrgAndStationGroups,
  PublicStation,
  PublicStationStatus,
  SessionIntervals,
  Station,
  StationGroup,
  StationGroupDetails,
  StationLoad,
  StationRights,
  StationStatus,
  Task,
  Transaction,
  User,
} from "./records.ts";
export { classify, describe, type Outcome, RESPONSE_CODES } from "./response-codes.ts";
export { type WsdlOptions, wsdl } from "./schema/wsdl.ts";
