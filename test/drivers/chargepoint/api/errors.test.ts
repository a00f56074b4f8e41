import { describe, expect, it } from "vitest";
import {
  ApiError,
  CredentialsError,
  ProtocolError,
  SoapFaultError,
} from "../../../../src/drivers/chargepoint/api/errors.ts";
import { ServiceError } from "../../../../src/drivers/errors.ts";

describe("errors", () => {
  it("give the code, its meaning and the service's words", () => {
    const error = new ApiError("shedLoad", "179", "invalid", "Another type of shed\n is in progress");
    expect(error).toBeInstanceOf(ServiceError);
    expect(error.message).toBe(
      'shedLoad: code 179, a shed of the other mode is in force; clear it first (service: "Another type of shed is in progress")',
    );
    expect(new ApiError("shedLoad", "999", "invalid", null).message).toBe(
      "shedLoad: code 999, which the guide does not list",
    );
  });

  it("name account, region and remedy for credentials", () => {
    const error = new CredentialsError("getLoad", "FailedAuthentication", "0ce4…", "https://x/", "EU");
    expect(error).toBeInstanceOf(ServiceError);
    expect(error.message).toMatch(/https:\/\/x\/ \(region EU\).*"0ce4…".*licence key.*region/);
    expect(error.retryable).toBe(false);
  });

  it("G7: stay on one line and short, whatever the service sends", () => {
    const long = `a\r\nb\u2028${"x".repeat(100_000)}`;
    for (const error of [
      new ApiError("o", long, "invalid", long),
      new SoapFaultError("o", { code: long, text: long, detail: long }),
      new ProtocolError("o", "malformed", long),
    ]) {
      expect(error.message).not.toMatch(/[\r\n\u2028]/);
      expect(error.message.length).toBeLessThan(1_000);
      expect(JSON.stringify(error).length).toBeLessThan(1_500);
    }
  });
});
