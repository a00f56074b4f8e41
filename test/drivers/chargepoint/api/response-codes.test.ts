import { describe, expect, it } from "vitest";
import {
  classify,
  describe as meaning,
  RESPONSE_CODES,
} from "../../../../src/drivers/chargepoint/api/response-codes.ts";

describe("response codes", () => {
  it("every code of guide §3 has a meaning", () => {
    // The guide leaves out 157, 161–165, 193 and 195.
    const unused = new Set([157, 161, 162, 163, 164, 165, 193, 195]);
    const all = Array.from({ length: 103 }, (_, at) => 100 + at).filter((code) => !unused.has(code));
    expect(Object.keys(RESPONSE_CODES).map(Number)).toEqual(all);
    expect(meaning("179")).toMatch(/clear it first/);
    expect(meaning("999")).toBeNull();
  });

  it("C10: codes are sorted by what to do", () => {
    const sorted = Object.groupBy(Object.keys(RESPONSE_CODES), classify);
    expect(sorted.success).toEqual(["100"]);
    expect(sorted.empty?.join()).toBe("102,120,122,134,136,148,153,156,160,169,180,201");
    expect(sorted.transient?.join()).toBe("115,126,127,137,143");
    expect(sorted.forbidden?.join()).toBe("101,104,125,131,133,178");
  });

  it("a padded 100 is success, and an unknown code is nothing to retry", () => {
    expect(classify(" 100\n")).toBe("success");
    expect(["", "0", "200x", "999", "1000"].map(classify)).toEqual(Array(5).fill("invalid"));
  });
});
