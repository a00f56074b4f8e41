import { int, operation, string } from "../message.ts";

/**
 * Takes back a planned load shed event (guide §5.5). The published schema has the bare eventId, the guide's sample
 * puts shedEvent around it; the bare one is sent, both are read.
 */
export const removeLoadShedEvent = operation({
  name: "removeLoadShedEvent",
  doc: "Removes a load shed event that has not begun",
  restrictions: "Events in the future that the account has access to",
  section: "5.5",
  effect: "write",
  coded: true,
  request: {
    eventId: int("As createLoadShedEvent gave it", {
      required: true,
      also: ["eventID", "EventId"],
      within: ["shedEvent"],
    }),
  },
  response: {
    responseCode: string(),
    responseText: string(),
    response: string("Success or failure, in words", { also: ["Response"] }),
  },
});
