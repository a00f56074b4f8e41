import { int, operation, result, string } from "../message.ts";

/**
 * Removes a planned load shed event (guide §5.5). The published schema has eventId at the top level, the guide's sample
 * puts shedEvent around it; the former is sent, both are read.
 */
export const removeLoadShedEvent = operation({
  name: "removeLoadShedEvent",
  doc: "Removes a load shed event that has not begun",
  restrictions: "Events in the future that the account has access to",
  section: "5.5",
  effect: "write",
  request: {
    eventId: int("As createLoadShedEvent gave it", {
      required: true,
      also: ["eventID", "EventId"],
      within: ["shedEvent"],
    }),
  },
  response: {
    ...result,
    response: string("Success or failure, in words", { also: ["Response"] }),
  },
});
