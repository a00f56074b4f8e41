import { operation, result, string } from "../message.ts";

/** Notifies a driver that charging is complete (guide §9.3). */
export const setWaitlistDone = operation({
  name: "setWaitlistDone",
  doc: "Tells a driver at a station with a waitlist that the session is complete; the waitlist policy may end it",
  restrictions: "Sessions in progress on stations with a waitlist",
  section: "9.3",
  effect: "write",
  request: {
    stationID: string("CPNID:StationIdentifier", { required: true }),
    portID: string("Port where the driver is charging", { required: true }),
    userID: string("Driver to notify", { required: true }),
    customMessageText: string("First part of the message; by default that the vehicle is fully charged"),
  },
  response: result,
});
