/** The bare call of the references: one shedLoad request, without any of the bridge. */
import { request } from "undici";
import { securityHeader } from "../../src/drivers/chargepoint/api/documents/security.ts";
import { buildRequest, soapAction } from "../../src/drivers/chargepoint/api/documents/soap.ts";
import { shedLoad } from "../../src/drivers/chargepoint/api/operations/shed-load.ts";
import "./leaving.ts";

export interface BareAccount {
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
  readonly stationID: string;
}

/** Returns a function that limits the station to a load in kW, and resolves with the answer. */
export function bareCall({ endpoint, username, password, stationID }: BareAccount) {
  const security = securityHeader({ username, password });
  return async (kw: number): Promise<void> => {
    const shedStation = { stationID, allowedLoadPerStation: kw };
    const { body } = await request(endpoint, {
      method: "POST",
      headers: { "content-type": "text/xml; charset=utf-8", soapaction: soapAction(shedLoad) },
      body: buildRequest(shedLoad, { shedQuery: { shedStation, timeInterval: 60 } }, security),
    });
    await body.arrayBuffer();
  };
}
