import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatDiagnostic } from "../../../src/config/index.ts";
import { checkRows } from "../../../src/drivers/chargepoint/check-rows.ts";
import { parseRegistry } from "../../../src/registry/index.ts";

const HEADER =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\n";
const check = (rows: string) =>
  checkRows(parseRegistry(Buffer.from(HEADER + rows), "r.csv").rows).map((d) => formatDiagnostic(d));

test("F3: register, attribute, port and Writable are checked, each with its place and remedy", () => {
  expect(
    check(
      [
        "a,portLoad,LodRegister,1,float,,,FALSE,",
        "b,portLoda,LoadRegister,1,float,,,FALSE,",
        "c,portLoad,LoadRegister,,float,,,FALSE,",
        "d,stationLoad,LoadRegister,2,float,,,FALSE,",
        "e,portLoad,LoadRegister,1,float,,,TRUE,",
        "f,Status,LoadRegister,1,string,,,FALSE,",
        "g,toString,LoadRegister,1,string,,,FALSE,",
        "h,portLoad,,1,float,,,FALSE,",
        "i,portLoad,LoadRegister,1A,float,,,FALSE,",
      ].join("\n"),
    ),
  ).toMatchInlineSnapshot(`
    [
      "r.csv:2:12: error [unknown_register] C2 Register Name: there is no such register; found "LodRegister", expected one of StationRegister, StationStatusRegister, LoadRegister, AlarmRegister, StationRightsRegister, ChargingSessionRegister, PublicStationRegister; did you mean "LoadRegister"?",
      "r.csv:3:3: error [unknown_attribute] B3 Attribute Name: LoadRegister has no such attribute; found "portLoda", expected an attribute such as portLoad, stationLoad, userID ("voltbridge registry attributes LoadRegister" lists all); did you mean "portLoad"?",
      "r.csv:4:25: error [port_needed] D4 Port #: portLoad of LoadRegister is a value of a port; found no port, expected the port's number, e.g. 1",
      "r.csv:5:28: warning [port_ignored] D5 Port #: stationLoad of LoadRegister belongs to the whole station; the port is ignored; found "2", expected an empty cell",
      "r.csv:6:35: warning [not_writable] H6 Writable: ChargePoint does not accept writes to portLoad of LoadRegister; writes to this point will be rejected; found TRUE, expected FALSE",
      "r.csv:7:3: error [unknown_attribute] B7 Attribute Name: LoadRegister has no such attribute; StationStatusRegister has; found "Status", expected an attribute such as userID, shedState, stationLoad ("voltbridge registry attributes LoadRegister" lists all)",
      "r.csv:8:3: error [unknown_attribute] B8 Attribute Name: LoadRegister has no such attribute; found "toString", expected an attribute such as userID, portLoad, sessionID ("voltbridge registry attributes LoadRegister" lists all)",
      "r.csv:9:12: error [unknown_register] C9 Register Name: the row names no register; found "", expected one of StationRegister, StationStatusRegister, LoadRegister, AlarmRegister, StationRightsRegister, ChargingSessionRegister, PublicStationRegister",
    ]
  `);
});

test.each(["chargepoint.csv", "chargepoint-minimal.csv"])("the shipped %s has no fault", (name) => {
  const file = new URL(`../../../registry/${name}`, import.meta.url);
  const { rows, diagnostics } = parseRegistry(readFileSync(file), name);
  expect([...diagnostics, ...checkRows(rows)].map((d) => formatDiagnostic(d))).toEqual([]);
});
