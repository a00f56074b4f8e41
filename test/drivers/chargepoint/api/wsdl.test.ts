import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { securityHeader } from "../../../../src/drivers/chargepoint/api/documents/security.ts";
import {
  buildRequest,
  type Operation,
  operations,
  parseXml,
  wsdl,
  type XmlNode,
} from "../../../../src/drivers/chargepoint/api/index.ts";
import { group, int, list, string } from "../../../../src/drivers/chargepoint/api/message.ts";
import { messageFaults } from "../../../helpers/soap-schema.ts";
import { xmllintInstalled } from "../../../helpers/xmllint.ts";
import { anyDraft } from "./drafts.ts";

const ENDPOINT = "http://127.0.0.1:8090/webservices/chargepoint/services/5.1?a=1&b=2";
const all = Object.values<Operation>(operations);
const names = Object.keys(operations);

const definitions = parseXml(wsdl({ endpoint: ENDPOINT }));
const find = (node: XmlNode, ...path: string[]): XmlNode[] =>
  path.reduce(
    (nodes, name) => nodes.flatMap((each) => each.children.filter((child) => child.name === name)),
    [node],
  );
const named = (nodes: XmlNode[]) => nodes.map(({ attributes }) => attributes.name);
const [schema] = find(definitions, "types", "schema");

describe("the WSDL", () => {
  test("names the address, and each operation with its messages, elements and action", () => {
    expect(find(definitions, "service", "port", "address")[0]!.attributes.location).toBe(ENDPOINT);
    expect(named(find(definitions, "portType", "operation"))).toEqual(names);
    expect(named(find(definitions, "binding", "operation"))).toEqual(names);
    const messages = names.flatMap((name) => [name, `${name}Response`]);
    expect(named(find(definitions, "message"))).toEqual(messages);
    expect(find(definitions, "message", "part").map(({ attributes }) => attributes.element)).toEqual(
      messages.map((name) => `tns:${name}`),
    );
    expect(named(find(schema!, "element"))).toEqual(messages);
    for (const [at, operation] of find(definitions, "portType", "operation").entries()) {
      const [input, output] = ["input", "output"].map((part) => find(operation, part)[0]!.attributes.message);
      expect([input, output]).toEqual([`tns:${names[at]}`, `tns:${names[at]}Response`]);
    }
    for (const [at, bound] of find(definitions, "binding", "operation", "operation").entries()) {
      expect(bound.attributes.soapAction).toBe(`urn:provider/interface/chargepointservices/${names[at]}`);
    }
  });

  test("can be of some operations only", () => {
    const some = parseXml(wsdl({ endpoint: ENDPOINT, operations: [operations.getLoad] }));
    expect(named(find(some, "message"))).toEqual(["getLoad", "getLoadResponse"]);
    expect(named(find(some, "types", "schema", "complexType"))).toEqual([
      "stationPortData",
      "stationloaddata",
    ]);
  });

  test("is the same text each time, and tells what each operation is", () => {
    expect(wsdl({ endpoint: ENDPOINT })).toBe(wsdl({ endpoint: ENDPOINT }));
    const texts = find(definitions, "portType", "operation", "documentation").map(({ text }) => text);
    expect(texts).toHaveLength(names.length);
    expect(texts[names.indexOf("getStations")]).toMatch(/^Stations .*\(guide §7\.1\)$/);
  });

  test("every type that is named is there, once", () => {
    const types = named(find(schema!, "complexType"));
    expect(new Set(types).size).toBe(types.length);
    const used: string[] = [];
    const visit = (node: XmlNode): void => {
      const { type } = node.attributes;
      if (type?.startsWith("tns:") && node.name === "element") used.push(type.slice(4));
      node.children.forEach(visit);
    };
    visit(schema!);
    expect([...new Set(used)].sort()).toEqual([...types].sort());
  });

  test("types go by the names that the service's own schema gives them", () => {
    const queries = find(schema!, "element").flatMap((element) =>
      find(element, "complexType", "sequence", "element")
        .filter(({ attributes }) => attributes.name?.endsWith("Query"))
        .map(({ attributes }) => [element.attributes.name, attributes.type ?? "in place"]),
    );
    expect(Object.fromEntries(queries)).toEqual({
      shedLoad: "tns:shedLoadQueryInputData",
      clearShedState: "tns:shedQueryInputData",
      getLoad: "in place",
      getChargingSessionData: "tns:sessionSearchdata",
      getTransactionData: "tns:getTransDataSearchRequest",
      getStations: "tns:stationSearchRequestExtended",
      getStationStatus: "tns:statusSearchdataForGetStations",
      getOrgsAndStationGroups: "tns:getOrgsAndStationGroupsSearchQuery",
      getStationRights: "tns:stationRightsSearchRequest",
      getAlarms: "tns:getAlarmsSearchQuery",
      clearAlarms: "tns:clearAlarmsSearchQuery",
      getUsers: "tns:getUsersSearchRequest",
      getFleetVehicles: "tns:fleetVehicleSearch",
      getFleetUsageData: "tns:fleetUsageSearch",
      getPublicStations: "tns:stationSearchRequest",
      getPublicStationStatus: "tns:statusSearchdata",
    });
  });
});

describe("the schema made of descriptions", () => {
  const made = (operation: Pick<Operation, "name"> & Partial<Operation>): XmlNode => {
    const whole = {
      doc: "",
      section: "1",
      effect: "read",
      coded: true,
      request: {},
      response: {},
      ...operation,
    };
    return find(
      parseXml(wsdl({ endpoint: ENDPOINT, operations: [whole as Operation] })),
      "types",
      "schema",
    )[0]!;
  };
  const typeOf = (node: XmlNode, name: string): XmlNode =>
    find(node, "complexType").find(({ attributes }) => attributes.name === name)!;
  const order = (type: XmlNode): string => type.children[0]!.name;

  test("free order where there is no list, else a sequence", () => {
    const searchQuery = group({
      stationIDs: group({ stationID: list(string()) }),
      Geo: group({ Lat: string() }),
    });
    const node = made({ name: "getStations", request: { searchQuery } });
    expect(order(typeOf(node, "stationSearchRequestExtended"))).toBe("all");
    expect(order(typeOf(node, "stationIdList"))).toBe("sequence");
    const [element] = find(typeOf(node, "stationIdList"), "sequence", "element");
    expect(element!.attributes).toEqual({
      name: "stationID",
      type: "xsd:string",
      minOccurs: "0",
      maxOccurs: "unbounded",
    });
  });

  test("a type of requests and responses is one, in the requests' free order", () => {
    const place = { Lat: string("Degrees north"), Long: string() };
    const searchQuery = group({ Geo: group(place) });
    const node = made({
      name: "getStations",
      request: { searchQuery },
      response: { Geo: group({ ...place }) },
    });
    expect(named(find(node, "complexType"))).toEqual(["geoData", "stationSearchRequestExtended"]);
    expect(order(typeOf(node, "geoData"))).toBe("all");
  });

  test("where elements differ, the later is described in place", () => {
    const response = {
      Geo: group({ Lat: string() }),
      stationData: list(group({ Geo: group({ Lat: int() }) })),
    };
    const node = made({ name: "getStations", response });
    const [inPlace] = find(typeOf(node, "stationDataExtended"), "sequence", "element");
    expect(inPlace!.attributes).toEqual({ name: "Geo", minOccurs: "0" });
    expect(find(inPlace!, "complexType", "sequence", "element")[0]!.attributes.type).toBe("xsd:int");
  });

  test("what is known of an element is its documentation", () => {
    const Status = string('"A" & <b>', { required: true, values: ["ON", "OFF"] });
    const node = made({ name: "x", request: { Status } });
    const [element] = find(node, "element", "complexType", "sequence", "element");
    expect(find(element!, "annotation", "documentation")[0]!.text).toBe(
      '"A" & <b>. Required. One of ON, OFF',
    );
  });
});

describe.skipIf(!xmllintInstalled)("by the schema of the WSDL", () => {
  const header = securityHeader({ username: "key", password: "a <secret> & more" });

  test("every request that the client builds is valid", async () => {
    const seed = Date.now();
    const requests = all.flatMap((operation) =>
      fc
        .sample(anyDraft(operation.request), { numRuns: 30, seed })
        .map((draft) => buildRequest(operation, draft, header)),
    );
    expect(await messageFaults(requests), `seed ${seed}`).toEqual([]);
  });

  const search = (inside: string, name = "getStations") =>
    `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><c:${name} xmlns:c="urn:dictionary:com.chargepoint.webservices">${inside}</c:${name}></e:Body></e:Envelope>`;
  const order = (inside: string) => search(`<searchQuery>${inside}</searchQuery>`);

  test("a search may come in any order, a sequence may not", async () => {
    const load = (inside: string) => search(`<searchQuery>${inside}</searchQuery>`, "getLoad");
    const [one, two] = ["<stationID>1:2</stationID>", "<sgID>1</sgID>"];
    expect(await messageFaults([order(one + two), order(two + one), load(two + one)])).toEqual([]);
    expect(await messageFaults([load(one + two)])).toHaveLength(1);
  });

  test.each([
    ["an unknown element", order("<stationId>1:2</stationId>")],
    ["a repeated one", order("<City>a</City><City>b</City>")],
    ["a qualified one", order("<c:City>a</c:City>")],
    ["text for a number", order("<startRecord>first</startRecord>")],
    ["an unknown operation", search("", "getStation")],
    ["two operations", search("<searchQuery/>").replace("<e:Body>", '<e:Body><x xmlns="urn:x"/>')],
  ])("%s is not valid", async (_what, document) => {
    expect(await messageFaults([document])).toHaveLength(1);
  });
});
