import { group, int, list, operation, result, string } from "../message.ts";

/** What the account may do with the stations of a group (guide §7.7). */
export const getStationRightsProfile = operation({
  name: "getStationRightsProfile",
  doc: "Tasks that the account may carry out on a custom station group",
  section: "7.7",
  effect: "read",
  sequence: true,
  request: {
    sgID: int("Custom station group identifier", { required: true }),
    stationRightsProfile: string("Role whose tasks are asked for, such as network manager"),
  },
  response: {
    ...result,
    taskList: list(
      group({ Task: string("What may be done"), Description: string("The same at greater length") }),
      "One for each task",
    ),
  },
});
