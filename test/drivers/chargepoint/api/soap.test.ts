import { describe, expect, it } from "vitest";
import { decode } from "../../../../src/drivers/chargepoint/api/documents/decode.ts";
import {
  readCredentials,
  securityHeader,
} from "../../../../src/drivers/chargepoint/api/documents/security.ts";
import {
  buildFault,
  buildRequest,
  buildResponse,
  EnvelopeError,
  parseEnvelope,
  readAnswer,
  soapAction,
} from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import type { XmlNode } from "../../../../src/drivers/chargepoint/api/documents/xml.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";

const { getLoad } = operations;
const SOAP = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"';

describe("requests", () => {
  const credentials = { username: "key<&>", password: "pass \"word\" & 'more'" };

  it("carry the operation in the service's namespace and its children in none", () => {
    const request = buildRequest(getLoad, { searchQuery: { stationID: "1:2" } });
    expect(request).toContain(
      '<urn:getLoad xmlns:urn="urn:dictionary:com.chargepoint.webservices"><searchQuery>',
    );
    expect(request).not.toContain("xmlns=");
    expect(soapAction(getLoad)).toBe('"urn:provider/interface/chargepointservices/getLoad"');
  });

  it("carry credentials that are read back whatever they hold", () => {
    const request = buildRequest(getLoad, {}, securityHeader(credentials));
    expect(request).toContain('soapenv:mustUnderstand="1"');
    expect(request).toContain('#PasswordText"');
    expect(readCredentials(parseEnvelope(request).header)).toEqual(credentials);
  });

  it("are read whatever their prefixes, and with a Password that has no Type", () => {
    const request = `<s:Envelope ${SOAP}><s:Header><Security xmlns="u"><UsernameToken><Username> u </Username>
      <Password>p</Password></UsernameToken></Security></s:Header><s:Body><getLoad xmlns="v"><searchQuery>
      <stationID>1:2</stationID></searchQuery></getLoad></s:Body></s:Envelope>`;
    const { header, body } = parseEnvelope(request);
    expect(readCredentials(header)).toEqual({ username: "u", password: "p" });
    expect(body?.name).toBe("getLoad");
    expect(decode(getLoad.request, body as XmlNode).searchQuery?.stationID).toBe("1:2");
  });

  it("without readable credentials have none", () => {
    const digest = securityHeader(credentials).replace("#PasswordText", "#PasswordDigest");
    expect(readCredentials(parseEnvelope(buildRequest(getLoad, {}, digest)).header)).toBeNull();
    expect(readCredentials(parseEnvelope(buildRequest(getLoad, {})).header)).toBeNull();
  });
});

describe("answers", () => {
  it("are read as the response of their operation", () => {
    const document = Buffer.from(
      buildResponse(getLoad, { responseCode: "100", stationData: [{ stationLoad: 1.5 }] }),
    );
    const answer = readAnswer(getLoad, document);
    expect(answer).toMatchObject({
      kind: "response",
      value: { responseCode: "100", stationData: [{ stationLoad: 1.5 }] },
    });
  });

  it("faults give their code without prefix, their text and their detail", () => {
    const document = buildFault({ code: "FailedAuthentication", text: "who < are you", detail: "x" });
    expect(document).toContain("<faultcode>wsse:FailedAuthentication</faultcode>");
    expect(parseEnvelope(document).fault).toEqual({
      code: "FailedAuthentication",
      text: "who < are you",
      detail: "x",
    });
    expect(buildFault({ code: "Client", text: "" })).toContain("<faultcode>soapenv:Client</faultcode>");
    const nested = `<s:Envelope ${SOAP}><s:Body><s:Fault><faultcode>s:Server</faultcode><detail><a>1<b>2</b></a></detail></s:Fault></s:Body></s:Envelope>`;
    expect(readAnswer(getLoad, Buffer.from(nested))).toEqual({
      kind: "fault",
      fault: { code: "Server", text: "", detail: "1 2" },
    });
  });

  it.each([
    ["no envelope", "<a/>"],
    ["no body", `<s:Envelope ${SOAP}><s:Header/></s:Envelope>`],
    ["an empty body", `<s:Envelope ${SOAP}><s:Body/></s:Envelope>`],
    ["another answer", buildResponse(operations.getAlarms, { responseCode: "100" })],
  ])("with %s are refused", (_what, document) => {
    expect(() => readAnswer(getLoad, Buffer.from(document))).toThrow(EnvelopeError);
  });
});
