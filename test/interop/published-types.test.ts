import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parametersOf } from "../../src/cli/api/parameters.ts";
import {
  buildRequest,
  type Operation,
  operations,
  parseEnvelope,
  securityHeader,
} from "../../src/drivers/chargepoint/api/index.ts";
import type { Scalar } from "../../src/drivers/chargepoint/api/message.ts";
import type { Simulator } from "../../src/simulator/index.ts";
import { cli } from "../cli/in-process.ts";
import { post } from "../simulator/call.ts";
import { elementsOf, foreignElements } from "./published-types.ts";
import { type Network, openNetwork } from "./requests.ts";

const all = Object.values<Operation>(operations);

const EXAMPLES: Record<Scalar, string> = {
  ...{ string: "x", int: "1", long: "1", decimal: "1.5", double: "1.5", boolean: "true" },
  ...{ dateTime: "2026-11-18T20:00:00Z", date: "2026-11-18", time: "20:00:00" },
};

describe("messages have the elements of the service's published types", () => {
  let simulator: Simulator;
  let requests: Network["requests"];
  beforeAll(async () => {
    ({ simulator, requests } = await openNetwork());
  });
  afterAll(() => simulator.close());

  /** The bodies of request and answer as `voltbridge api` sends and gets them; of a Fault none. */
  async function exchanged(operation: Operation, options: readonly string[]) {
    const write = operation.effect === "write" ? ["--yes"] : [];
    const { stdout, stderr } = await cli(["api", operation.name, ...options, ...write, "--raw"], {
      CHARGEPOINT_ENDPOINT: simulator.endpoint,
      CHARGEPOINT_USERNAME: simulator.username,
      CHARGEPOINT_PASSWORD: simulator.password,
    });
    const documents = stdout.match(/<(\w+:)?Envelope.*?<\/(\w+:)?Envelope>/gs) ?? [];
    if (documents.length === 0) throw new Error(`nothing was sent: ${stderr}`);
    return documents.flatMap((document) => parseEnvelope(document).body ?? []);
  }

  test.each(all.map(({ name }) => name))("%s, as the command line sends it", async (name) => {
    const operation: Operation = operations[name as "getLoad"];
    const query = Object.keys(elementsOf(name)).filter((element) => /Query$|^shedEvent$/.test(element));
    const full = parametersOf(operation.request).flatMap(({ name: option, type }) => [
      `--${option}`,
      EXAMPLES[type],
    ]);
    for (const options of [[], full]) {
      const [request, answer] = await exchanged(operation, options);
      expect(request!.name).toBe(name);
      expect(request!.children.map((child) => child.name)).toEqual(expect.arrayContaining(query));
      expect([...foreignElements(request!), ...(answer ? foreignElements(answer) : [])]).toEqual([]);
    }
  });

  test.each(all.map(({ name }) => name))("%s, answered by the simulator with success", async (name) => {
    const operation: Operation = operations[name as "getLoad"];
    const document = buildRequest(operation, requests[name as "getLoad"], securityHeader(simulator));
    const answer = parseEnvelope((await post(simulator, document)).body).body!;
    const code = answer.children.find((child) => child.name === "responseCode")?.text;
    expect([answer.name, code]).toEqual([`${name}Response`, operation.coded ? "100" : undefined]);
    expect(foreignElements(answer)).toEqual([]);
  });
});
