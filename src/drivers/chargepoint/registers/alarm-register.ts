import type { AlarmsAnswer } from "../account/answers.ts";
import { newestBy } from "../account/newest.ts";
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
