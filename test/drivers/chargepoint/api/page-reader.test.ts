import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPage, scanResponse } from "../../../../src/drivers/chargepoint/api/documents/page-reader.ts";
import {
  buildResponse,
  EnvelopeError,
  type ReadAnswer,
  readAnswer,
} from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import { XML_LIMITS, XmlError } from "../../../../src/drivers/chargepoint/api/documents/xml.ts";
import type { Operation } from "../../../../src/drivers/chargepoint/api/message.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";
import { isFull } from "../../../faults/scale.ts";
import { anyAnswer, damaged } from "./page-documents.ts";
import { anyValue } from "./values.ts";

/** Documents of each kind for each operation; more by `PAGE_DOCUMENTS=10000 npx vitest run …/page-reader.test.ts`. */
const RUNS = Number(process.env.PAGE_DOCUMENTS ?? (isFull ? 200 : 60));
const LONG = 20_000 + RUNS * 200;

type Outcome = ReturnType<ReadAnswer> | { readonly refused: string };

function outcome(read: ReadAnswer, operation: Operation, document: Buffer, limits = XML_LIMITS): Outcome {
  try {
    return read(operation, document, limits);
  } catch (error) {
    if (error instanceof XmlError) return { refused: error.fault };
    if (error instanceof EnvelopeError) return { refused: "not soap" };
    throw error;
  }
}

/** Both readers say the same; whether the scanner alone was enough. */
function agreed(operation: Operation, document: Buffer, limits = XML_LIMITS): boolean {
  const expected = outcome(readAnswer, operation, document, limits);
  const scanned = scanResponse(operation, document, limits);
  if (scanned !== null && !isDeepStrictEqual({ kind: "response", value: scanned }, expected)) {
    // Said by the matcher, with the difference.
    expect({ kind: "response", value: scanned }, document.toString()).toEqual(expected);
    expect.unreachable(document.toString());
  }
  return scanned !== null;
}

const all = Object.entries<Operation>(operations);
const { getLoad, getStationStatus, getStations } = operations;

describe("the page reader reads what the tree of fast-xml-parser gives", () => {
  it.each(all)("%s, as services write it", { timeout: LONG }, (_name, operation) => {
    fc.assert(
      fc.property(anyValue(operation.response), (value) => {
        const document = Buffer.from(buildResponse(operation, value));
        expect(agreed(operation, document)).toBe(true);
        const indented = document.toString().replaceAll("><", ">\r\n  <");
        expect(agreed(operation, Buffer.from(indented))).toBe(true);
      }),
      { numRuns: RUNS / 4 },
    );
  });

  it.each(all)("%s, written in every sound way", { timeout: LONG }, (_name, operation) => {
    fc.assert(
      fc.property(anyAnswer(operation), (document) => {
        expect(agreed(operation, Buffer.from(document)), document).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it.each(all)(
    "G2: %s, damaged: the same value or the same refusal",
    { timeout: LONG },
    (_name, operation) => {
      fc.assert(
        fc.property(damaged(anyAnswer(operation)), (document) => {
          agreed(operation, document);
        }),
        { numRuns: RUNS },
      );
    },
  );
});

const PAGE = buildResponse(getLoad, {
  responseCode: "100",
  stationData: [
    { stationID: "1:1", stationName: "ORG / ÉTAGE <1>", Port: [{ portNumber: "1", portLoad: 3.3 }] },
    {
      stationID: "1:2",
      Port: [
        { portNumber: "1", userID: null },
        { portNumber: "2", shedState: 0 },
      ],
    },
  ],
});

describe("the page reader", () => {
  it("G2: takes no cut document", () => {
    const bytes = Buffer.from(PAGE);
    expect(scanResponse(getLoad, bytes)).not.toBeNull();
    for (let end = 0; end < bytes.length; end++)
      expect(scanResponse(getLoad, bytes.subarray(0, end))).toBeNull();
  });

  it("G2: keeps the bounds of size, depth and tags", () => {
    const bytes = Buffer.from(PAGE);
    const tags = PAGE.split("<").length - 1;
    const bounds = [
      ...[-1, 0, 1].map((more) => ({ ...XML_LIMITS, maxBytes: bytes.length + more })),
      ...[3, 4, 5, 6, 7, 8].map((maxDepth) => ({ ...XML_LIMITS, maxDepth })),
      ...[-1, 0, 1].map((more) => ({ ...XML_LIMITS, maxTags: tags + more })),
    ];
    expect(bounds.map((limits) => agreed(getLoad, bytes, limits))).toEqual([
      ...[false, true, true],
      ...[false, false, false, true, true, true],
      ...[false, true, true],
    ]);
  });

  it.each([
    ["too deep", `<x>${"<d>".repeat(100_000)}${"</d>".repeat(100_000)}</x>`],
    ["too deep", `${"<d>".repeat(64)}${"</d>".repeat(64)}`],
    ["too large", `<x>${"y".repeat(1024 * 1024 + 1)}</x>`],
    ["too large", `<x>${" ".repeat(1024 * 1024 + 1)}</x>`],
    ["too large", `<x ${"y".repeat(64 * 1024)}="1"/>`],
    ["too large", "<b/>".repeat(1_000_001)],
    ["doctype", '<!DOCTYPE a [<!ENTITY b "c">]>'],
    ["too large", `${" ".repeat(600_000)}${"y".repeat(600_000)}`],
    ["malformed", "<x a='1' a='2'/>"],
    ["malformed", "&b;"],
    ["malformed", "<a></b>"],
  ])("G2: refuses as %s, soon: %.30s", (fault, bomb) => {
    const begun = performance.now();
    for (const at of ["<stationData>", "<stationID>", "1:1"]) {
      const document = Buffer.from(PAGE.replace(at, `${at}${bomb}`));
      expect(scanResponse(getLoad, document)).toBeNull();
      expect(outcome(readPage, getLoad, document)).toEqual({ refused: fault });
    }
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  it("hands faults and other answers over", () => {
    const other = Buffer.from(PAGE);
    expect(outcome(readPage, getStationStatus, other)).toEqual({ refused: "not soap" });
    const fault = "<Envelope><Body><Fault><faultcode>s:Client</faultcode></Fault></Body></Envelope>";
    expect(readPage(getLoad, Buffer.from(fault))).toEqual({
      kind: "fault",
      fault: { code: "Client", text: "", detail: "" },
    });
  });

  it("reads all samples of the guide by itself", () => {
    const cases = new URL("../../../cases/chargepoint-api/", import.meta.url);
    const samples = all.filter(([name]) => existsSync(new URL(`${name}/response.xml`, cases)));
    expect(samples.length).toBeGreaterThan(20);
    for (const [name, operation] of samples) {
      expect(agreed(operation, readFileSync(new URL(`${name}/response.xml`, cases))), name).toBe(true);
    }
  });

  it("keeps no page in memory for a value that outlives it", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const filler = "x".repeat(400_000);
    const kept: unknown[] = [];
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let page = 0; page < 100; page++) {
      const document = `<Envelope><Body><getStationsResponse><stationData><stationID>1:${page}</stationID><stationName>ORG / STATION OF PAGE ${page}</stationName></stationData><x>${filler}</x></getStationsResponse></Body></Envelope>`;
      kept.push(scanResponse(getStations, Buffer.from(document))?.stationData[0]?.stationName);
    }
    collect();
    expect(kept.at(-1)).toBe("ORG / STATION OF PAGE 99");
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  });
});
