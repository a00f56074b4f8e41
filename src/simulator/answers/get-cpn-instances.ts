import type { getCPNInstances } from "../../drivers/chargepoint/api/operations/get-cpn-instances.ts";
import type { AnswerTo } from "./answer.ts";

/** The instances of the guide's sample (§4.1.5). */
const INSTANCES = [
  { cpnID: "1", cpnName: "USA", cpnDescription: "ChargePoint North America" },
  { cpnID: "2", cpnName: "EU", cpnDescription: "ChargePoint Europe" },
  { cpnID: "3", cpnName: "AU", cpnDescription: "ChargePoint Australia" },
  { cpnID: "4", cpnName: "CA", cpnDescription: "ChargePoint Canada" },
];

export const answerGetCPNInstances: AnswerTo<typeof getCPNInstances> = {
  answer: () => ({ CPN: INSTANCES }),
};
