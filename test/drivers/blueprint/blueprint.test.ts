import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { blueprint } from "../../../src/drivers/blueprint/index.ts";
import { driverContract } from "../../contracts/driver-contract.ts";
import { registryRows } from "../../devices/rows.ts";

const register = "BlueprintRegister";
const rows = registryRows([
  { name: "load", attribute: "load", register },
  { name: "limit", attribute: "limit", register, writable: true, startingValue: 16 },
  { name: "state", attribute: "state", register, type: "string" },
]);
const [faultyRow] = registryRows([{ name: "load", attribute: "load", register: "BlueprintRegistr" }]);

driverContract("blueprint", async () => {
  const values: Record<string, unknown> = { load: 7.2, limit: 16, state: "INUSE" };
  let writes = 0;
  let isHanging = false;
  const server = createServer(async (request, response) => {
    if (isHanging) return;
    const name = new URL(request.url!, "http://device").searchParams.get("name");
    if (request.method === "PUT" && name !== null) {
      values[name] = await json(request);
      writes++;
    }
    response.end(JSON.stringify(values));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    type: blueprint,
    config: { url: `http://127.0.0.1:${port}/values` },
    rows,
    faultyRow: faultyRow!,
    settable: { point: "limit", value: 7.5, reverted: 16 },
    readOnly: "load",
    writes: () => writes,
    breakPart() {
      values.load = "broken";
      return ["load"];
    },
    hang() {
      isHanging = true;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
});
