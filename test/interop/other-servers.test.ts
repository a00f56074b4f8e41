import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as soap from "soap";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ChargePointClient,
  CredentialsError,
  operations,
  SoapFaultError,
} from "../../src/drivers/chargepoint/api/index.ts";
import { wsdl } from "../../src/drivers/chargepoint/api/schema/wsdl.ts";

/** What node-soap's server was asked: parameters, and the credentials of the header. */
const asked: { name: string; parameters: unknown; username: string }[] = [];

const OK = { responseCode: "100", responseText: "API input request executed successfully." };
const answered: Record<string, (parameters: never) => object> = {
  getStations: () => ({
    ...OK,
    stationData: [
      {
        stationID: "1:0001",
        postalCode: "02134",
        stationName: "A & B <garage> \u00e9",
        Geo: { Lat: "46.3", Long: "-119.2" },
        stationActivationDate: "2021-12-07T21:05:05Z",
        Port: [
          { portNumber: "1", Reservable: 0, estimatedCost: 0.5 },
          { portNumber: "1A", Reservable: 1 },
        ],
        numPorts: 2,
      },
    ],
    moreFlag: 0,
  }),
  getLoad: () => ({
    ...OK,
    numStations: 0,
    groupName: "",
    sgLoad: "",
    stationData: {
      stationID: "1:0001",
      stationLoad: 3.5,
      Port: { portNumber: "1A", portLoad: "3.500", sessionID: "9223372036854775807" },
    },
  }),
  shedLoad: ({ shedQuery }: { shedQuery: { shedStation: { stationID: string } } }) => ({
    ...OK,
    Success: 1,
    stationID: shedQuery.shedStation.stationID,
  }),
  getCPNInstances: () => ({ CPN: [{ cpnID: "1", cpnName: "NA" }] }),
  getAlarms: () => ({ responseCode: "102", responseText: "No alarms" }),
  clearAlarms: () => {
    throw {
      Fault: { faultcode: "soap:Server", faultstring: "out of order", detail: { reason: "maintenance" } },
    };
  },
  getUsers: () => {
    throw { Fault: { faultcode: "wsse:FailedAuthentication", faultstring: "who are you", statusCode: 200 } };
  },
};

describe("our client reads a server made with node-soap from the WSDL", () => {
  let server: Server;
  let client: ChargePointClient;

  beforeAll(async () => {
    server = createServer((_request, response) => response.writeHead(404).end());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/5.1`;
    const port = Object.fromEntries(
      Object.entries(answered).map(([name, answer]) => [
        name,
        (
          parameters: unknown,
          _done: unknown,
          headers: { Security: { UsernameToken: { Username: string } } },
        ) => {
          asked.push({ name, parameters, username: headers.Security.UsernameToken.Username });
          return answer(parameters as never);
        },
      ]),
    );
    await new Promise((resolve) =>
      soap.listen(server, {
        path: "/services/5.1",
        services: { chargepointservices: { chargepointservicesPort: port } },
        xml: wsdl({ endpoint }),
        callback: resolve,
      }),
    );
    client = new ChargePointClient({ endpoint, username: "licence-key", password: "p & <q>", retries: 0 });
  });
  afterAll(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });

  test("getStations: text stays text, lists are lists, times are as they stand", async () => {
    const answer = await client.call(operations.getStations, {
      searchQuery: { City: "Z\u00fcrich", Geo: { Lat: "1.5", Long: "2" }, numStations: 2 },
    });
    expect(answer).toMatchObject({ responseCode: "100", moreFlag: 0 });
    expect(answer.stationData[0]).toMatchObject({
      stationID: "1:0001",
      postalCode: "02134",
      stationName: "A & B <garage> \u00e9",
      Geo: { Lat: "46.3", Long: "-119.2" },
      stationActivationDate: "2021-12-07T21:05:05Z",
      Port: [
        { portNumber: "1", Reservable: 0, estimatedCost: 0.5 },
        { portNumber: "1A", Reservable: 1 },
      ],
      Pricing: [],
      numPorts: 2,
    });
    expect(asked.at(-1)).toEqual({
      name: "getStations",
      parameters: { searchQuery: { City: "Z\u00fcrich", Geo: { Lat: "1.5", Long: "2" }, numStations: 2 } },
      username: "licence-key",
    });
  });

  test("getLoad: a list of one, empty values, a long with all its digits", async () => {
    const answer = await client.call(operations.getLoad, { searchQuery: { stationID: "1:0001" } });
    expect(answer).toMatchObject({
      numStations: 0,
      groupName: null,
      sgLoad: null,
      stationData: [
        { stationLoad: 3.5, Port: [{ portNumber: "1A", portLoad: 3.5, sessionID: "9223372036854775807" }] },
      ],
    });
  });

  test("shedLoad: it understands what we write", async () => {
    const Ports = { Port: [{ portNumber: "1" }, { portNumber: "1A", allowedLoadPerPort: 1.5 }] };
    const answer = await client.call(operations.shedLoad, {
      shedQuery: { timeInterval: 0, shedStation: { stationID: "1:0001", Ports } },
    });
    expect(answer).toMatchObject({ Success: 1, stationID: "1:0001" });
    expect(asked.at(-1)?.parameters).toEqual({
      shedQuery: { shedStation: { stationID: "1:0001", Ports }, timeInterval: 0 },
    });
  });

  test("an answer without a code, and one for nothing found", async () => {
    expect((await client.call(operations.getCPNInstances, {})).CPN).toMatchObject([{ cpnID: "1" }]);
    expect(await client.call(operations.getAlarms, {})).toMatchObject({ responseCode: "102", Alarms: [] });
  });

  test("faults, with HTTP 500 and 200", async () => {
    const refused = client.call(operations.clearAlarms, { searchQuery: { stationID: "1:0001" } });
    await expect(refused).rejects.toThrow(/out of order/);
    await expect(refused).rejects.toBeInstanceOf(SoapFaultError);
    await expect(client.call(operations.getUsers, {})).rejects.toBeInstanceOf(CredentialsError);
  });
});
