import type { CallOptions } from "./client.ts";
import type { RequestOf, ResponseOf } from "./message.ts";
import { operations } from "./operations/index.ts";
import type { QueryOf } from "./paging.ts";
import { ChargePointReader } from "./reader.ts";
import type { FleetVehicle } from "./records.ts";

type All = typeof operations;

/** An element of a request, as it is written. */
type Part<O extends keyof All, Name extends keyof RequestOf<All[O]>> = NonNullable<RequestOf<All[O]>[Name]>;

export type ShedQuery = Part<"shedLoad", "shedQuery">;
export type ClearShedQuery = Part<"clearShedState", "shedQuery">;
export type LoadShedEvent = Part<"createLoadShedEvent", "shedEvent">;
export type NewFleetVehicle = Part<"addFleetVehicle", "vehicle">[number];
export type FleetVehicleChange = Part<"updateFleetVehicle", "vehicle">[number];

/** A decision about a driver (§9.2.2). */
export interface UserStatus {
  readonly userID: string;
  readonly associationType: "CONNECTION" | "MANAGEMENT_REALM";
  readonly Status: "APPROVED" | "REJECTED" | "REMOVED";
  /** Included in the e-mail. */
  readonly customText?: string;
}

/** The driver to notify that charging is complete (§9.3.2). */
export interface WaitlistDone {
  readonly stationID: string;
  readonly portID: string;
  readonly userID: string;
  /** First part of the message; by default it says that the vehicle is fully charged. */
  readonly customMessageText?: string;
}

/**
 * The complete API of an account by name: the reads of {@link ChargePointReader} and all writes. Writes are sent once. Each
 * throws ApiError where the service refuses; after a TransportError with `sent` true it is unknown whether the write took
 * effect.
 */
export class ChargePoint extends ChargePointReader {
  /**
   * Limits the power of a group, a station or its ports, to kW or by a percentage of the load at the first call (§5.1), for
   * `timeInterval` minutes, 0 until cleared. Enterprise plan. One level per call (codes 187, 199, 200) and one mode at a
   * time: 179 until cleared. 177: above the station's maximum; 185, 202: not supported by the station.
   */
  shedLoad(query: ShedQuery, options?: CallOptions): Promise<ResponseOf<All["shedLoad"]>> {
    return this.call(operations.shedLoad, { shedQuery: query }, options);
  }

  /** Ends the shed of a group, a station or its ports (§5.2); some networks clear the whole station. Enterprise plan. */
  clearShedState(query: ClearShedQuery, options?: CallOptions): Promise<ResponseOf<All["clearShedState"]>> {
    return this.call(operations.clearShedState, { shedQuery: query }, options);
  }

  /**
   * Plans a shed from `eventStartTime` for `eventDuration` minutes that drivers may opt out of (§5.4). Home utility
   * programmes with demand response. Returns the event's identifier, null where the service sends none.
   */
  async createLoadShedEvent(event: LoadShedEvent, options?: CallOptions): Promise<number | null> {
    return (await this.call(operations.createLoadShedEvent, { shedEvent: event }, options)).eventId;
  }

  /** Removes a planned event that has not begun (§5.5). Returns the service's text. */
  async removeLoadShedEvent(eventId: number, options?: CallOptions): Promise<string | null> {
    return (await this.call(operations.removeLoadShedEvent, { eventId }, options)).response;
  }

  /** Moves present alarms to the historical ones (§8.2). Returns whether there were any (code 153: none). */
  async clearAlarms(query: QueryOf<All["clearAlarms"]>, options?: CallOptions): Promise<boolean> {
    const { responseCode } = await this.call(operations.clearAlarms, { searchQuery: query }, options);
    return responseCode?.trim() === "100";
  }

  /**
   * Approves, rejects or removes a driver, who gets an e-mail (§9.2). Code 190: no such driver; 191: the driver made no
   * request; 192: already decided.
   */
  async updateUserStatus(status: UserStatus, options?: CallOptions): Promise<void> {
    await this.call(operations.updateUserStatus, status, options);
  }

  /** Notifies a driver at a station with a waitlist that the session is complete; the waitlist policy may end it (§9.3). */
  async setWaitlistDone(done: WaitlistDone, options?: CallOptions): Promise<void> {
    await this.call(operations.setWaitlistDone, done, options);
  }

  /**
   * Adds vehicles to a fleet (§10.1). Returns their identifiers in the same order. Refused, with a reason in the service's
   * text, for an unknown make, model or year, an invalid card, or a fleet that is not the account's (§10.1.4).
   */
  async addFleetVehicle(vehicles: readonly NewFleetVehicle[], options?: CallOptions): Promise<string[]> {
    const request = { vehicle: [...vehicles] };
    return (await this.call(operations.addFleetVehicle, request, options)).fleetVehicleID;
  }

  /**
   * Changes the given properties of vehicles (§10.3); refused as {@link addFleetVehicle} is. Returns the vehicles after the
   * change.
   */
  async updateFleetVehicle(
    vehicles: readonly FleetVehicleChange[],
    options?: CallOptions,
  ): Promise<FleetVehicle[]> {
    return (await this.call(operations.updateFleetVehicle, { vehicle: [...vehicles] }, options)).vehicle;
  }

  /** Deletes a vehicle (§10.2). */
  async deleteFleetVehicle(fleetVehicleID: string, options?: CallOptions): Promise<void> {
    await this.call(operations.deleteFleetVehicle, { fleetVehicleID }, options);
  }
}
