import type { DeviceEvents, EventPlan } from "../../abilities.ts";
import type { Account } from "../account/account.ts";
import { createLoadShedEvent } from "../api/operations/create-load-shed-event.ts";
import { removeLoadShedEvent } from "../api/operations/remove-load-shed-event.ts";

/** Plans load shed events of a home utility programme (guide §5.4, §5.5), for a station or one of its account's groups. */
export class LoadShedEvents implements DeviceEvents {
  readonly #account: Account;
  readonly #stationID: string;

  constructor(account: Account, stationID: string) {
    this.#account = account;
    this.#stationID = stationID;
  }

  async create(plan: EventPlan, signal: AbortSignal) {
    const { group, startsAt, durationMinutes, allowOptOut, limit } = plan;
    const shedEvent = {
      ...(group === undefined ? { stationID: this.#stationID } : { sgID: group }),
      eventStartTime: `${startsAt.toISOString().slice(0, 19)}Z`,
      eventDuration: durationMinutes,
      allowOptOut,
      ...("kw" in limit ? { allowedLoadPerPort: limit.kw } : { percentShedPerStation: limit.percent }),
    };
    const answer = await this.#account.write(createLoadShedEvent, { shedEvent }, this.#stationID, signal);
    return { ...replyOf(answer), ...(answer.eventId !== null && { id: String(answer.eventId) }) };
  }

  async remove(id: string, signal: AbortSignal) {
    const request = { eventId: Number(id) };
    return replyOf(await this.#account.write(removeLoadShedEvent, request, this.#stationID, signal));
  }
}

function replyOf({
  responseCode,
  responseText,
}: {
  responseCode: string | null;
  responseText: string | null;
}) {
  return {
    ...(responseCode !== null && { code: responseCode }),
    ...(responseText !== null && { text: responseText }),
  };
}
