import type { createLoadShedEvent } from "../../drivers/chargepoint/api/operations/create-load-shed-event.ts";
import type { removeLoadShedEvent } from "../../drivers/chargepoint/api/operations/remove-load-shed-event.ts";
import { maximumKw, type Station } from "../world/stations/station.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { managedStations } from "./load.ts";
import { managedStation } from "./realm.ts";
import { requestTime } from "./values.ts";

/** Guide §5.4–5.5: load-shed events. */

/** Guide §5.4. An absolute limit is for each port, a percentage for each station. */
export const answerCreateLoadShedEvent: AnswerTo<typeof createLoadShedEvent> = {
  badValues: {
    eventStartTime: "141",
    eventDuration: "107",
    allowedLoadPerPort: "171",
    percentShedPerStation: "123",
  },
  answer({ shedEvent }, scene) {
    if (!shedEvent || shedEvent.eventStartTime === null || shedEvent.eventDuration === null) {
      throw new Refusal("172");
    }
    const { allowedLoadPerPort: kw, percentShedPerStation: percent, eventDuration: minutes } = shedEvent;
    const stations = stationsOf(scene, shedEvent.stationID, shedEvent.sgID);
    const startsAt = requestTime(shedEvent.eventStartTime)! * 1000;
    if (startsAt <= scene.world.now) throw new Refusal("106");
    if (minutes < 1) throw new Refusal("107");
    if ((kw === null) === (percent === null)) throw new Refusal("173");
    const group = shedEvent.sgID !== null;
    if (stations.some(({ panelSharing }) => panelSharing)) throw new Refusal("202");
    if (kw !== null) checkLoad(kw, stations, group);
    if (percent !== null && percent < 0) throw new Refusal("123");
    if (percent !== null && percent > 100) throw new Refusal("174");
    const { id } = scene.world.events.announce({
      organisation: scene.account.organisation,
      stations,
      startsAt,
      minutes,
      allowOptOut: shedEvent.allowOptOut ?? true,
      mode: kw === null ? "percentage" : "absolute",
      value: kw ?? percent!,
    });
    return { eventId: id };
  },
};

function stationsOf(scene: Scene, stationID: string | null, sgID: string | null): readonly Station[] {
  if (stationID !== null && sgID !== null) throw new Refusal("187");
  if (stationID !== null) return [managedStation(scene, stationID)];
  if (sgID !== null) return managedStations(scene, Number(sgID));
  throw new Refusal("184");
}

function checkLoad(kw: number, stations: readonly Station[], group: boolean): void {
  if (kw < 0) throw new Refusal("130", "the allowed load must not be negative");
  if (!stations.every(({ canShedAbsolute }) => canShedAbsolute)) throw new Refusal(group ? "175" : "176");
  if (!stations.every(({ canShedPerPort }) => canShedPerPort)) throw new Refusal("185");
  const most = Math.max(
    ...stations.map((station) =>
      Math.min(maximumKw(station), Math.max(...station.ports.map((port) => port.kw))),
    ),
  );
  if (kw > most + 1e-9)
    throw new Refusal("177", `the allowed load cannot be more than ${most.toFixed(3)} kW`);
}

/** Guide §5.5: only one of the account's own organisation, and only before it begins. */
export const answerRemoveLoadShedEvent: AnswerTo<typeof removeLoadShedEvent> = {
  badValues: { eventId: "171" },
  answer({ eventId }, { world, account }) {
    if (eventId === null) throw new Refusal("172");
    const event = world.events.find(eventId);
    if (!event && world.events.hasBegun(eventId)) {
      throw new Refusal("106", `event ${eventId} has begun, was removed, or is over`);
    }
    if (!event || event.organisation !== account.organisation) {
      throw new Refusal("171", "Invalid Parameters eventId");
    }
    world.events.cancel(event);
    return { response: "Success" };
  },
};
