/** The eConnect Masterdata API and nothing else: the stations of a business partner, as the service tells them. */

export {
  chargingStations,
  EconnectClient,
  type EconnectOptions,
  type StationEntry,
} from "./client.ts";
export { EconnectError } from "./errors.ts";
