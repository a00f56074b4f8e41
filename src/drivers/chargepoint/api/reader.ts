import { type CallOptions, ChargePointClient } from "./client.ts";
import { operations } from "./operations/index.ts";
import { type PagesOptions, pages, type QueryOf } from "./paging.ts";
import type * as records from "./records.ts";

type All = typeof operations;

/** Maximum number of stations in one getStationStatus (guide §7.2.1). */
const MAX_STATION_IDS = 500;

/**
 * The read operations of an account by name; none of the methods here changes anything. They carry the operations' names
 * without `get` and `Data`. Paged operations are walked with `for await`: each page is fetched when the walk reaches it,
 * with a deadline of its own; `signal` ends the whole walk. Where nothing matches, a walk ends and a list is empty (codes
 * 102, 120, 134, 136, 153, 160, 180, 201 and the like); that is not an error.
 * Times are UTC, ISO 8601, such as `2026-11-21T08:00:00Z`. Identifiers are text: `stationID` is `CPNID:number`. Every
 * method throws what {@link ChargePointClient.call} throws; walks also throw a ProtocolError (`paging`) where pages would
 * never end.
 */
export class ChargePointReader extends ChargePointClient {
  /** Returns the networks; their numbers are the first part of every identifier, before the colon (§4.1). */
  async cpnInstances(options?: CallOptions): Promise<records.CpnInstance[]> {
    return (await this.call(operations.getCPNInstances, {}, options)).CPN;
  }

  /**
   * Returns load (kW) and shed state of one of a station, the stations of a group, or a session's station (§5.3).
   * Enterprise plan (else code 101). Code 182: more than one was given, 184: none.
   */
  load(query: QueryOf<All["getLoad"]>, options?: CallOptions): Promise<records.Load> {
    return this.call(operations.getLoad, { searchQuery: query }, options);
  }

  /**
   * Yields charging sessions, oldest first, energy in kWh (§6.1). The service updates them every five minutes. Limit the
   * period by `fromTimeStamp` and `toTimeStamp`; an active session has no `endTime`.
   */
  chargingSessions(query: QueryOf<All["getChargingSessionData"]> = {}, options?: PagesOptions) {
    return pages(this, operations.getChargingSessionData, query, options);
  }

  /**
   * Returns one session by quarter hours: kWh and kW (§6.2). `delta`: energy of each interval instead of energy so far.
   * Enterprise plan. Code 132: no such session; without any interval (134) the list is empty.
   */
  sessionIntervals(
    sessionID: string,
    { delta = false, ...options }: CallOptions & { readonly delta?: boolean } = {},
  ): Promise<records.SessionIntervals> {
    const request = { sessionID, energyConsumedInterval: delta };
    return this.call(operations.get15minChargingSessionData, request, options);
  }

  /**
   * Yields fees of sessions and reservations (§6.3). Enterprise plan, stations with a pricing policy. The two times must be
   * given together (code 197) and in order (196).
   */
  transactions(query: QueryOf<All["getTransactionData"]> = {}, options?: PagesOptions) {
    return pages(this, operations.getTransactionData, query, options);
  }

  /** Yields stations with their ports, prices and equipment; power in kW (§7.1). Code 189: `pageSize` above 500. */
  stations(query: QueryOf<All["getStations"]> = {}, options?: PagesOptions) {
    return pages(this, operations.getStations, query, options);
  }

  /**
   * Yields whether ports are free, in use or out of reach (§7.2). Any number of `stationIDs`: more than 500 are split into
   * several calls. Code 194: stationID and stationIDs together.
   */
  async *stationStatus(
    query: QueryOf<All["getStationStatus"]> = {},
    options?: PagesOptions,
  ): AsyncGenerator<records.StationStatus, void, undefined> {
    const ids = query.stationIDs?.stationID ?? [];
    if (ids.length <= MAX_STATION_IDS) {
      yield* pages(this, operations.getStationStatus, query, options);
      return;
    }
    for (let from = 0; from < ids.length; from += MAX_STATION_IDS) {
      const part = { ...query, stationIDs: { stationID: ids.slice(from, from + MAX_STATION_IDS) } };
      yield* pages(this, operations.getStationStatus, part, options);
    }
  }

  /**
   * Returns the custom station groups of an organisation and their stations (§7.3). `orgID` is `CPNID:CompanyID` (codes
   * 158, 159).
   */
  async stationGroups(orgID: string, options?: CallOptions): Promise<records.StationGroup[]> {
    return (await this.call(operations.getStationGroups, { orgID }, options)).groupData;
  }

  /** Returns child groups and stations directly in a group (§7.4). Code 121, 129: no such group. */
  stationGroupDetails(
    sgID: number,
    { stationID, ...options }: CallOptions & { readonly stationID?: string } = {},
  ): Promise<records.StationGroupDetails> {
    const request = { sgID, ...(stationID === undefined ? {} : { stationID }) };
    return this.call(operations.getStationGroupDetails, request, options);
  }

  /** Returns organisations and their station groups, as far as the account has rights to them (§7.5). */
  async orgsAndStationGroups(
    query: QueryOf<All["getOrgsAndStationGroups"]> = {},
    options?: CallOptions,
  ): Promise<records.OrgAndStationGroups[]> {
    return (await this.call(operations.getOrgsAndStationGroups, { searchQuery: query }, options)).orgData;
  }

  /** Yields the rights granted for each station, a record for each group and rights profile of a page (§7.6). */
  stationRights(query: QueryOf<All["getStationRights"]> = {}, options?: PagesOptions) {
    return pages(this, operations.getStationRights, query, options);
  }

  /** Returns what the account may do with the stations of a group (§7.7). Code 167: no such rights profile. */
  async stationRightsProfile(
    sgID: number,
    { profile, ...options }: CallOptions & { readonly profile?: string } = {},
  ): Promise<records.Task[]> {
    const request = { sgID, ...(profile === undefined ? {} : { stationRightsProfile: profile }) };
    return (await this.call(operations.getStationRightsProfile, request, options)).taskList;
  }

  /**
   * Yields alarms (§8.1). Their order differs between networks: sort by `alarmTime`. An empty `portNumber`: the alarm is
   * the station's.
   */
  alarms(query: QueryOf<All["getAlarms"]> = {}, options?: PagesOptions) {
    return pages(this, operations.getAlarms, query, options);
  }

  /**
   * Yields drivers connected to the organisation, requesting to be, or managed by it (§9.1); of its first connection offer
   * only.
   */
  users(query: QueryOf<All["getUsers"]> = {}, options?: PagesOptions) {
    return pages(this, operations.getUsers, query, options);
  }

  /** Yields vehicles of the account's fleets (§10.4). Organisations with fleet features (else code 101). */
  fleetVehicles(query: QueryOf<All["getFleetVehicles"]> = {}, options?: PagesOptions) {
    return pages(this, operations.getFleetVehicles, query, options);
  }

  /**
   * Yields sessions and fees of the fleets' vehicles, including those at other organisations' stations (§10.5): kWh, US
   * gallons and kg saved, %. Organisations with fleet features (else code 101).
   */
  fleetUsage(query: QueryOf<All["getFleetUsageData"]> = {}, options?: PagesOptions) {
    return pages(this, operations.getFleetUsageData, query, options);
  }

  /**
   * Returns public stations of all owners (setup guide). `Proximity` is the radius around the place, in `proximityUnit`
   * (miles).
   */
  async publicStations(
    query: QueryOf<All["getPublicStations"]> = {},
    options?: CallOptions,
  ): Promise<records.PublicStation[]> {
    return (await this.call(operations.getPublicStations, { searchQuery: query }, options)).stationData;
  }

  /** Returns whether the ports of public stations are free, in use or out of reach (published schema). */
  async publicStationStatus(
    query: QueryOf<All["getPublicStationStatus"]> = {},
    options?: CallOptions,
  ): Promise<records.PublicStationStatus[]> {
    const answer = await this.call(operations.getPublicStationStatus, { searchQuery: query }, options);
    return answer.stationStatusData;
  }
}
