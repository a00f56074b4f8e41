import * as soap from "soap";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Operation } from "../../src/drivers/chargepoint/api/index.ts";
import { operations } from "../../src/drivers/chargepoint/api/index.ts";
import type { Scalar } from "../../src/drivers/chargepoint/api/message.ts";
import type { Simulator } from "../../src/simulator/index.ts";
import { type Network, type OperationName, openNetwork } from "./requests.ts";
import { mistyped } from "./typed.ts";

/** What node-soap makes of each type of the schema. */
function isOf(type: Scalar, value: unknown): boolean {
  if (type === "dateTime" || type === "date") return value instanceof Date && !Number.isNaN(value.getTime());
  if (type === "boolean") return typeof value === "boolean";
  if (type === "string" || type === "time") return typeof value === "string";
  // Empty where the station was asked for, so the schema has a text.
  return typeof value === "number" ? Number.isFinite(value) : value === "";
}

describe("node-soap, built from the WSDL that the simulator serves", () => {
  let simulator: Simulator;
  let client: soap.Client;
  let requests: Network["requests"];
  const wsdl = () => new URL("/cp_api_5.1.wsdl", simulator.endpoint).href;
  const call = async (by: soap.Client, name: string, request: object) => {
    const [answer] = (await by[`${name}Async`](request)) as [Record<string, unknown> | null];
    return answer;
  };

  beforeAll(async () => {
    ({ simulator, requests } = await openNetwork());
    client = await soap.createClientAsync(wsdl());
    client.setSecurity(new soap.WSSecurity(simulator.username, simulator.password));
  });
  afterAll(() => simulator.close());

  test("has every operation", () => {
    const { chargepointservices } = client.describe();
    expect(Object.keys(chargepointservices.chargepointservicesPort)).toEqual(Object.keys(operations));
  });

  test.each(Object.values<Operation>(operations))("$name: a typed answer", async (operation) => {
    const answer = await call(client, operation.name, requests[operation.name as OperationName]);
    expect(mistyped(operation.response, answer, isOf)).toEqual([]);
    if (operation.coded) expect(answer).toMatchObject({ responseCode: "100" });
    const told = Object.keys(answer!).filter((name) => !/^response(Code|Text)$/.test(name));
    if (operation.effect === "read") expect(told).not.toEqual([]);
  });

  test("lists, numbers and times are what they are", async () => {
    const answer = await call(client, "getStations", requests.getStations);
    expect(answer).toMatchObject({
      moreFlag: 1,
      stationData: [
        { recordNumber: 1, numPorts: expect.any(Number), stationActivationDate: expect.any(Date) },
        { recordNumber: 2, Port: [{ portNumber: expect.any(String) }, {}] },
      ],
    });
  });

  test("wrong credentials are a fault that it tells apart", async () => {
    const stranger = await soap.createClientAsync(wsdl());
    stranger.setSecurity(new soap.WSSecurity(simulator.username, "wrong"));
    await expect(call(stranger, "getLoad", requests.getLoad)).rejects.toThrow(/FailedAuthentication/);
    stranger.clearSoapHeaders();
    stranger.setSecurity(new soap.BasicAuthSecurity("a", "b"));
    await expect(call(stranger, "getLoad", requests.getLoad)).rejects.toThrow(/InvalidSecurity/);
  });
});
