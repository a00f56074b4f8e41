import { describe, expect, it } from "vitest";
import { endpointFor, REGIONS, regionOf } from "../../../../src/drivers/chargepoint/api/endpoints.ts";

describe("endpoints", () => {
  it("are the guide's, by region", () => {
    const hosts = Object.fromEntries(
      Object.entries(REGIONS).map(([region, url]) => [region, new URL(url).host]),
    );
    expect(hosts).toEqual({
      NA: "webservices.chargepoint.com",
      "NA-QA": "webservices.ev-chargepoint.com",
      EU: "webservices-eu.chargepoint.com",
      "EU-QA": "webservices-eu.ev-chargepoint.com",
      CA: "webservices-ca.chargepoint.com",
    });
    for (const url of Object.values(REGIONS))
      expect(url).toMatch(/^https:.*\/webservices\/chargepoint\/services\/5\.1$/);
    expect(regionOf(REGIONS.EU)).toBe("EU");
    expect(regionOf("http://127.0.0.1/")).toBeNull();
  });

  it("are chosen by endpoint, else by region, else NA", () => {
    expect(endpointFor({})).toBe(REGIONS.NA);
    expect(endpointFor({ region: "CA" })).toBe(REGIONS.CA);
    expect(endpointFor({ region: "CA", endpoint: "http://127.0.0.1:8090/x" })).toBe(
      "http://127.0.0.1:8090/x",
    );
  });

  it("that cannot be are refused, without repeating what may be secret", () => {
    expect(() => endpointFor({ region: "na" })).toThrow(/"na".*NA, NA-QA, EU, EU-QA, CA/);
    expect(() => endpointFor({ region: "toString" })).toThrow(TypeError);
    expect(() => endpointFor({ endpoint: "chargepoint" })).toThrow(/https:/);
    expect(() => endpointFor({ endpoint: "https://u:canary@x/" })).toThrow(/username and password/);
    expect(() => endpointFor({ endpoint: "https://u:canary@x/" })).not.toThrow(/canary/);
  });
});
