import { operation, result, string } from "../message.ts";

/** Approves, rejects or removes a driver (guide §9.2). */
export const updateUserStatus = operation({
  name: "updateUserStatus",
  doc: "Approves, rejects or removes a driver's connection or membership; the driver gets an e-mail",
  restrictions: "Drivers connected to the organisation or in its management realm",
  section: "9.2",
  effect: "write",
  request: {
    userID: string("Driver; neither account number nor user name", { required: true }),
    associationType: string("What is decided about", {
      required: true,
      values: ["CONNECTION", "MANAGEMENT_REALM"],
    }),
    Status: string("The decision", { required: true, values: ["APPROVED", "REJECTED", "REMOVED"] }),
    customText: string("Put into the e-mail"),
  },
  response: result,
});
