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

/** What is decided about a driver (§9.2.2). */
export interface UserStatus {
  readonly userID: string;
  readonly associationType: "CONNECTION" | "MANAGEMENT_REALM";
  readonly Status: "APPROVED" | "REJECTED" | "REMOVED";
  /** Goes into the e-mail. */
  readonly customText?: string;
}

/** Which driver is told that the car is done (§9.3.2). */
export interface WaitlistDone {
  readonly stationID: string;
  readonly portID: string;
  readonly userID: string;
  /** First part of the message; by default that the vehicle is fully charged. */
  readonly customMessageText?: string;
}

/**
 * The whole of an account's API by name: what {@link ChargePointReader} asks, and what changes something. Writes are
 * tried once. Each throws ApiError where the service refuses; a TransportError with `sent` true leaves open whether the
 * write took effect.
 */
export class ChargePoint extends ChargePointReader {
  /**
   * Limits what a group, a station or its ports may draw, to kW or by a percentage of the load at the first call
   * (§5.1), for `timeInterval` minutes, 0 until cleared. Enterprise plan. One level a call (codes 187, 199, 200) and one
   * mode at a time: 179 until cleared. 177: above the station's maximum; 185, 202: the station cannot.
   */
  shedLoad(query: ShedQuery, options?: CallOptions): Promise<ResponseOf<All["shedLoad"]>> {
    return this.call(operations.shedLoad, { shedQuery: query }, options);
  }

  /** Ends the shed of a group, a station or its ports (§5.2); some networks clear the whole station. Enterprise plan. */
  clearShedState(query: ClearShedQuery, options?: CallOptions): Promise<ResponseOf<All["clearShedState"]>> {
    return this.call(operations.clearShedState, { shedQuery: query }, options);
  }

  /**
   * Plans a shed from `eventStartTime` for `eventDuration` minutes, that drivers may opt out of (§5.4). Home utility
   * programmes with demand response. Gives the event's identifier, null where the service tells none.
   */
  async createLoadShedEvent(event: LoadShedEvent, options?: CallOptions): Promise<number | null> {
    return (await this.call(operations.createLoadShedEvent, { shedEvent: event }, options)).eventId;
  }

  /** Removes a planned event that has not begun (§5.5). Gives the service's words. */
  async removeLoadShedEvent(eventId: number, options?: CallOptions): Promise<string | null> {
    return (await this.call(operations.removeLoadShedEvent, { eventId }, options)).response;
  }

  /** Moves present alarms to the historical ones (§8.2). Gives whether there were any (code 153: none). */
  async clearAlarms(query: QueryOf<All["clearAlarms"]>, options?: CallOptions): Promise<boolean> {
    const { responseCode } = await this.call(operations.clearAlarms, { searchQuery: query }, options);
    return responseCode?.trim() === "100";
  }

  /**
   * Approves, rejects or removes a driver, who gets an e-mail (§9.2). Code 190: no such driver; 191: never asked; 192:
   * already decided.
   */
  async updateUserStatus(status: UserStatus, options?: CallOptions): Promise<void> {
    await this.call(operations.updateUserStatus, status, options);
  }

  /** Tells a driver at a station with a waitlist that the session is complete; its policy may end it (§9.3). */
  async setWaitlistDone(done: WaitlistDone, options?: CallOptions): Promise<void> {
    await this.call(operations.setWaitlistDone, done, options);
  }

  /**
   * Adds vehicles to a fleet (§10.1). Gives their identifiers in the same order. Refused, as the service's text says,
   * for an unknown make, model or year, a card that is not valid, a fleet that is not the account's (§10.1.4).
   */
  async addFleetVehicle(vehicles: readonly NewFleetVehicle[], options?: CallOptions): Promise<string[]> {
    const request = { vehicle: [...vehicles] };
    return (await this.call(operations.addFleetVehicle, request, options)).fleetVehicleID;
  }

  /** Changes what is given of vehicles (§10.3); refused as {@link addFleetVehicle} is. Gives them as they are now. */
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
