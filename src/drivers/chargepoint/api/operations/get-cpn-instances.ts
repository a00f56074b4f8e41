import { group, list, operation, string } from "../message.ts";

/** The ChargePoint network instances: the numbers before the colon of every identifier (guide §4.1). */
export const getCPNInstances = operation({
  name: "getCPNInstances",
  doc: "Network instances: the numbers before the colon of every identifier",
  section: "4.1",
  effect: "read",
  coded: false,
  request: {},
  response: {
    CPN: list(
      group({
        cpnID: string("Network identifier"),
        cpnName: string("Short name"),
        cpnDescription: string("Description"),
      }),
    ),
  },
});
