import { boolean, dateTime, double, group, int, operation, result, string } from "../message.ts";

/** Plans a shed that drivers of a home utility programme may opt out of (guide §5.4). */
export const createLoadShedEvent = operation({
  name: "createLoadShedEvent",
  doc: "Plans a load shed event for a station or for every station of a group",
  restrictions: "Home utility programmes with demand response",
  section: "5.4",
  effect: "write",
  request: {
    shedEvent: group(
      {
        stationID: string("CPNID:StationIdentifier; one of stationID and sgID"),
        sgID: string("Station group whose ports are limited one by one"),
        eventStartTime: dateTime("When it begins, UTC", { required: true }),
        eventDuration: int("Minutes", { required: true }),
        allowOptOut: boolean("Whether drivers may opt out; default true"),
        allowedLoadPerPort: double("Most a port may draw, kW"),
        percentShedPerStation: double(
          "Share of the load to take away, 0–100 %; not together with allowedLoadPerPort",
        ),
      },
      "",
      { sequence: true, required: true },
    ),
  },
  response: {
    ...result,
    eventId: int("Globally unique; removeLoadShedEvent asks for it", { also: ["eventID", "EventId"] }),
  },
});
