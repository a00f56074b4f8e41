import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  buildRequest,
  type Operation,
  operations,
  parseEnvelope,
  securityHeader,
} from "../../src/drivers/chargepoint/api/index.ts";
import type { Simulator } from "../../src/simulator/index.ts";
import { anyDraft } from "../drivers/chargepoint/api/drafts.ts";
import { messageFaults } from "../helpers/soap-schema.ts";
import { xmllintInstalled } from "../helpers/xmllint.ts";
import { post } from "../simulator/call.ts";
import { type Network, openNetwork } from "./requests.ts";

const all = Object.values<Operation>(operations);

describe.skipIf(!xmllintInstalled)("by the schema of the WSDL every answer of the simulator is valid", () => {
  let simulator: Simulator;
  let requests: Network["requests"];
  beforeAll(async () => {
    ({ simulator, requests } = await openNetwork());
  });
  afterAll(() => simulator.close());

  /** Bodies of answers that are no faults. */
  async function answers(requests: readonly (readonly [Operation, object])[]): Promise<string[]> {
    const bodies: string[] = [];
    for (const [operation, request] of requests) {
      const answer = await post(simulator, buildRequest(operation, request, securityHeader(simulator)));
      if (answer.fault === null) bodies.push(answer.body);
      else expect(answer.fault.code).toBe("Client");
    }
    return bodies;
  }

  test("success", async () => {
    const bodies = await answers(all.map((operation) => [operation, requests[operation.name as "getLoad"]]));
    expect(bodies.filter((body) => /<responseCode>100</.test(body))).toHaveLength(all.length - 1);
    expect(await messageFaults(bodies)).toEqual([]);
  });

  test("whole pages, empty results and refusals", async () => {
    const seed = Date.now();
    const asked = all.flatMap((operation): [Operation, object][] => [
      [operation, "searchQuery" in operation.request ? { searchQuery: {} } : {}],
      ...fc
        .sample(anyDraft(operation.request), { numRuns: 10, seed })
        .map((draft): [Operation, object] => [operation, draft]),
    ]);
    const bodies = await answers(asked);
    const answered = new Set(bodies.map((body) => parseEnvelope(body).body!.name));
    expect([...answered].sort()).toEqual(all.map(({ name }) => `${name}Response`).sort());
    expect(await messageFaults(bodies), `seed ${seed}`).toEqual([]);
  });
});
