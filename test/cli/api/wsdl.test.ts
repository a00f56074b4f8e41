import { expect, test } from "vitest";
import { cli } from "../in-process.ts";

test("voltbridge wsdl prints a WSDL with the address that is asked for", async () => {
  const { stdout, code } = await cli(["wsdl", "--endpoint", "http://127.0.0.1:8090/here"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^<\?xml .*<wsdl:definitions .*location="http:\/\/127\.0\.0\.1:8090\/here"/s);
  expect((await cli(["wsdl"])).stdout).toContain(
    'location="https://webservices.chargepoint.com/webservices/chargepoint/services/5.1"',
  );
});
