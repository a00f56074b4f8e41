import type { removeLoadShedEvent } from "../../drivers/chargepoint/api/operations/remove-load-shed-event.ts";
import { type AnswerTo, Refusal } from "./answer.ts";

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
