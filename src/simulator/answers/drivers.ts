import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getUsers } from "../../drivers/chargepoint/api/operations/get-users.ts";
import type { setWaitlistDone } from "../../drivers/chargepoint/api/operations/set-waitlist-done.ts";
import type { updateUserStatus } from "../../drivers/chargepoint/api/operations/update-user-status.ts";
import type { Member } from "../world/activity/roster.ts";
import { driverIDs, driverOfCard } from "../world/sessions/driver.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { pageOf } from "./page.ts";
import { managedStation } from "./realm.ts";
import { portStatus } from "./station-status.ts";
import { requestTime, sameText, seconds, wireTime } from "./values.ts";

/** Guide §9: drivers, their connections to organisations, and the waitlist. */

const MOST = 500;

type Query = NonNullable<Parameters<AnswerTo<typeof getUsers>["answer"]>[0]["searchQuery"]>;
type User = NonNullable<NonNullable<Draft<(typeof getUsers)["response"]>["users"]>["user"]>[number];

/** Guide §9.1: drivers who requested a connection or are managed, in the order of their numbers. */
export const answerGetUsers: AnswerTo<typeof getUsers> = {
  badValues: { lastModifiedTimeStamp: "141" },
  answer({ searchQuery }, scene) {
    const query = searchQuery ?? ({} as Query);
    const page = pageOf(
      matchingMembers(scene, query),
      { startRecord: query.startRecord, size: query.numUsers },
      { most: MOST, none: "180" },
    );
    return {
      users: {
        user: page.records.map(({ record, recordNumber }) => ({
          ...describeUser(scene, record),
          recordNumber,
        })),
        moreFlag: page.moreFlag,
      },
    };
  },
};

function matchingMembers({ world, account }: Scene, query: Query): Member[] {
  const { userID, credentialID, Connection, managementRealm } = query;
  const roster = world.rosterOf(account.organisation);
  const modifiedSince = requestTime(query.lastModifiedTimeStamp);
  const hasInfo = (
    info: { Key: string | null; Value: string | null } | null | undefined,
    member: Member,
  ): boolean =>
    !info ||
    member.customInfo.some(({ key, value }) => sameText(info.Key, key) && sameText(info.Value, value));
  let members = [...roster.members];
  const only = (number: number | null): void => {
    members = members.filter((member) => member.number === number);
  };
  if (userID) only(world.driverOfUser(userID));
  if (credentialID) {
    const holder = driverOfCard(credentialID);
    if (holder !== null) only(holder);
    else members = members.filter(({ number }) => world.driver(number).appID === credentialID);
  }
  return members.filter((member) => {
    const names = query.firstName || query.lastName ? world.driver(member.number) : null;
    return (
      (names === null ||
        (sameText(query.firstName, names.firstName) && sameText(query.lastName, names.lastName))) &&
      sameText(Connection?.Status, member.connection) &&
      hasInfo(Connection?.customInfo, member) &&
      sameText(managementRealm?.Status, member.realm) &&
      hasInfo(managementRealm?.customInfo, member) &&
      (modifiedSince === null || seconds(member.modifiedAt) >= modifiedSince)
    );
  });
}

function describeUser({ world }: Scene, member: Member): User {
  const driver = world.driver(member.number);
  const customInfos = {
    customInfo: member.customInfo.map(({ key, value }) => ({ Key: key, Value: value })),
  };
  const { home } = member;
  return {
    lastModifiedTimestamp: wireTime(member.modifiedAt),
    userID: driver.userID,
    firstName: driver.firstName,
    lastName: driver.lastName,
    driverEmail: driver.email,
    Connection:
      member.requestedAt === null
        ? null
        : {
            Status: member.connection,
            requestTimeStamp: wireTime(member.requestedAt),
            driverEmail: driver.email,
            customInfos,
          },
    managementRealm:
      member.signedUpAt === null
        ? null
        : { Status: member.realm, signupTimeStamp: wireTime(member.signedUpAt), customInfos },
    credentialIDs: { credentialID: [driver.credentialID, driver.appID] },
    ...(home
      ? {
          homeStationDetails: {
            stationSerialNumber: home.serial,
            stationStatus: portStatus(home, home.ports[0]!),
            stationModelNumber: home.model.name,
            stationMacAddress: home.mac,
            stationActivationDate: wireTime(home.activatedAt),
          },
        }
      : {}),
  };
}

const DECISIONS = ["APPROVED", "REJECTED", "REMOVED"] as const;
type Decision = (typeof DECISIONS)[number];

/** Guide §9.2: decides about a driver who requested a connection or signed up. */
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

/** A driver who is rejected in a realm, or removed from it, is not managed. */
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

/** Guide §9.3: notifies a driver at a station with a waitlist that the session is complete. */
export const answerSetWaitlistDone: AnswerTo<typeof setWaitlistDone> = {
  answer({ stationID, portID, userID }, scene) {
    if (stationID === null || portID === null || userID === null) throw new Refusal("172");
    const station = managedStation(scene, stationID);
    if (station.waitlist === null) throw new Refusal("171", `station ${stationID} has no waitlist`);
    const port = station.ports.find(({ number }) => number === portID);
    if (!port) throw new Refusal("171", "Invalid Parameters portID");
    const { session } = port;
    if (session === null || driverIDs(session.visit.driverNumber).userID !== userID) {
      throw new Refusal("190", `user ${userID} is not charging at port ${portID} of station ${stationID}`);
    }
    scene.world.tellDone(station, port);
    return {};
  },
};
