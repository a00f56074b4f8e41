import { messageOf } from "../../log/log.ts";
import type { PointValue } from "../../points/index.ts";
import { checkedValue, findDevice, findPoint } from "../command-checks.ts";
import type { Device } from "../device.ts";
import type { LimitBook } from "../holding/limit-book.ts";
import { type Answer, summary } from "./answers.ts";
import type { Attempt } from "./attempt.ts";
import type { Writer } from "./writer.ts";

const ENDED = "the bridge ended while this was under way";

/**
 * What became of a command that the last run sent, or was about to send, at `at` and left unanswered: `confirmed` where the
 * device stands as asked, else `unconfirmed`. Nothing is sent.
 */
export async function howItEnded(
  attempt: Attempt,
  at: number,
  parts: { readonly devices: ReadonlyMap<string, Device>; readonly book: LimitBook },
  writer: Writer,
): Promise<Answer> {
  try {
    const device = findDevice(parts.devices, attempt.device);
    const answer =
      attempt.point === undefined
        ? await ofDevice(device, attempt, at, parts.book, writer)
        : await ofPoint(device, attempt.point, attempt, at, writer);
    if (answer.status === "confirmed")
      return { ...answer, text: `${ENDED}; it was not sent again, and the device stands as asked` };
    const found =
      answer.readBack === undefined ? answer.text : `${JSON.stringify(answer.readBack)} was read back`;
    return unknown(found ?? "nothing was read back", answer.readBack);
  } catch (error) {
    return unknown(messageOf(error));
  }
}

function ofPoint(
  device: Device,
  name: string,
  attempt: Attempt,
  at: number,
  writer: Writer,
): Promise<Answer> {
  const point = findPoint(device, name);
  const { action, command, requested } = attempt;
  const value = action === "set" ? checkedValue(device.info.path, point, requested) : undefined;
  return writer.recall({ device, point, value, command }, at);
}

/** Points of which something was in force, or may have been, when it was sent. */
async function ofDevice(
  device: Device,
  attempt: Attempt,
  at: number,
  book: LimitBook,
  writer: Writer,
): Promise<Answer> {
  const { path, points } = device.info;
  const due = [...points.values()].filter(
    ({ name, writable, startingValue }) =>
      writable && name !== device.heartbeat?.point && (startingValue !== undefined || book.has(path, name)),
  );
  const answers = due.map(async ({ name }): Promise<[string, Answer]> => {
    return [name, await ofPoint(device, name, attempt, at, writer)];
  });
  return summary(await Promise.all(answers));
}

function unknown(why: string, readBack?: PointValue): Answer {
  return {
    status: "unconfirmed",
    ...(readBack !== undefined && { readBack }),
    text: `${ENDED}, and whether the device took it is not known (${why}). It was not sent again: read the point before asking anew`,
  };
}
