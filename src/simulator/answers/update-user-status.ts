import type { updateUserStatus } from "../../drivers/chargepoint/api/operations/update-user-status.ts";
import type { Member } from "../world/roster.ts";
import { type AnswerTo, Refusal } from "./answer.ts";

const DECISIONS = ["APPROVED", "REJECTED", "REMOVED"] as const;
type Decision = (typeof DECISIONS)[number];

/** Guide §9.2: decides about a driver who asked for a connection or signed up. */
export const answerUpdateUserStatus: AnswerTo<typeof updateUserStatus> = {
  answer({ userID, associationType, Status }, { world, account }) {
    if (userID === null || associationType === null || Status === null) throw new Refusal("172");
    const decision = DECISIONS.find((candidate) => candidate === Status);
    if (!decision) throw new Refusal("171", "Invalid Parameters Status");
    const number = world.driverOfUser(userID);
    if (number === null) throw new Refusal("190");
    const member = world.rosterOf(account.organisation).find(number);
    if (!member) throw new Refusal("191");
    switch (associationType) {
      case "CONNECTION":
        decideConnection(member, decision);
        break;
      case "MANAGEMENT_REALM":
        decideRealm(member, decision);
        break;
      default:
        throw new Refusal("171", "Invalid Parameters associationType");
    }
    member.modifiedAt = world.now;
    return {};
  },
};

function decideConnection(member: Member, decision: Decision): void {
  if (member.connection === "NOT CONNECTED") throw new Refusal("191");
  if (member.connection === decision) throw already(decision);
  member.connection = decision === "REMOVED" ? "NOT CONNECTED" : decision;
}

/** Who is rejected in a realm, or removed from it, is not managed. */
function decideRealm(member: Member, decision: Decision): void {
  if (member.signedUpAt === null) throw new Refusal("191");
  const realm = decision === "APPROVED" ? "APPROVED" : "NOT MANAGED";
  if (member.realm === realm) throw already(decision);
  member.realm = realm;
}

function already(decision: Decision): Refusal {
  const word = `${decision[0]}${decision.slice(1).toLowerCase()}`;
  return new Refusal("192", `Connection already ${word} for this driver`);
}
