import { type AlarmList, type AlarmRecord, timeOf } from "../../../points/index.ts";
import type { AlarmsAnswer } from "../account/answers.ts";
import { newestBy } from "../account/newest.ts";
import { MOST_OF_STATION } from "../account/sources/alarm-store.ts";
import { elements, ofPort, type RegisterClass } from "./register.ts";

/** The newest alarm of the station (for any of its ports) or of one port: getAlarms, guide §8.1; clearAlarms, §8.2. */
export const alarmRegister: RegisterClass<"alarms"> = {
  kind: "alarms",
  attributes: {
    ...elements(
      "either",
      {
        alarmType: { type: "string", meaning: "What happened.", measure: "alarm" },
        alarmTime: { type: "datetime", meaning: "When." },
      },
      (answer: AlarmsAnswer, name, port) => {
        return newestBy(ofPort(answer, port), (alarm) => alarm.alarmTime)?.[name] ?? null;
      },
    ),
    clearAlarms: {
      level: "either",
      type: "integer",
      meaning: "Always reads 0. Writable: 1 clears the alarms.",
      control: "clearAlarms",
      read: () => 0,
    },
  },
};

/**
 * Records by which ChargePoint reports that alarms of the same port, or of the station, are over: their names in lower case, and
 * which they end.
 */
const ENDINGS: Readonly<Record<string, (type: string) => boolean>> = {
  "fault cleared": (type) => type.toLowerCase() !== "unreachable",
  reachable: (type) => type.toLowerCase() === "unreachable",
};

/** Returns the alarms of an answer in the order of their times. One without a name or a readable time is left out. */
export function alarmList(answer: AlarmsAnswer): AlarmList {
  const records = answer.flatMap(({ portNumber, alarmType, alarmTime }): AlarmRecord[] => {
    const at = alarmTime === null ? Number.NaN : timeOf(alarmTime);
    if (alarmType === null || alarmType.trim() === "" || Number.isNaN(at)) return [];
    const type = alarmType.trim();
    return [{ port: portNumber, type, at: new Date(at), ends: ENDINGS[type.toLowerCase()] }];
  });
  // Of one second, an ending is the later.
  records.sort(
    (one, other) => one.at.getTime() - other.at.getTime() || Number(!!one.ends) - Number(!!other.ends),
  );
  const isCut = answer.length >= MOST_OF_STATION;
  return { records: records.slice(-MOST_OF_STATION), isCut };
}
