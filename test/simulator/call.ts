import { request } from "undici";
import {
  buildRequest,
  type Credentials,
  type Draft,
  decode,
  type Fault,
  type Of,
  type Operation,
  parseEnvelope,
  securityHeader,
} from "../../src/drivers/chargepoint/api/index.ts";
import type { Fields } from "../../src/drivers/chargepoint/api/message.ts";
import type { Simulator } from "../../src/simulator/index.ts";

/** Calls as a stranger's software would, without any of the client's judgement. */

export interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
  readonly fault: Fault | null;
}

export async function post(simulator: Simulator, document: string | Uint8Array): Promise<RawAnswer> {
  const answer = await request(simulator.endpoint, {
    method: "POST",
    headers: { "content-type": "text/xml; charset=utf-8" },
    body: document,
  });
  const body = await answer.body.text();
  const isXml = String(answer.headers["content-type"]).startsWith("text/xml");
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body,
    fault: isXml ? parseEnvelope(body).fault : null,
  };
}

/** An answer with its response code, whatever it is. @throws where it is a Fault or no SOAP */
export async function call<Q extends Fields, A extends Fields>(
  simulator: Simulator,
  operation: Operation<Q, A>,
  request: Draft<Q>,
): Promise<Of<A>> {
  const answer = await post(simulator, buildRequest(operation, request, securityHeader(simulator)));
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.fault?.text ?? answer.body}`);
  return decode(operation.response, parseEnvelope(answer.body).body!);
}

/** A request whose inside is written by hand. */
export function handmade(credentials: Credentials, inside: string): string {
  return (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header>' +
    `${securityHeader(credentials)}</soapenv:Header><soapenv:Body>${inside}</soapenv:Body></soapenv:Envelope>`
  );
}
