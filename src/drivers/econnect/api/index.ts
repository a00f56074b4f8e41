/** Client of the eConnect Masterdata API: the stations of a business partner, as the service returns them. */

export {
  chargingStations,
  EconnectClient,
  type EconnectOptions,
  type StationEntry,
} from "./client.ts";
export { EconnectError } from "./errors.ts";
