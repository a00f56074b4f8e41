import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getUsers } from "../../drivers/chargepoint/api/operations/get-users.ts";
import { driverOfCard } from "../world/driver.ts";
import type { Member } from "../world/roster.ts";
import type { AnswerTo, Scene } from "./answer.ts";
import { portStatus } from "./get-station-status.ts";
import { pageOf } from "./page.ts";
import { requestTime, sameText, seconds, wireTime } from "./values.ts";

const MOST = 500;

type Query = NonNullable<Parameters<AnswerTo<typeof getUsers>["answer"]>[0]["searchQuery"]>;
type User = NonNullable<NonNullable<Draft<(typeof getUsers)["response"]>["users"]>["user"]>[number];

/** Guide §9.1: drivers who asked for a connection or are managed, in the order of their numbers. */
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
  const told = (
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
      told(Connection?.customInfo, member) &&
      sameText(managementRealm?.Status, member.realm) &&
      told(managementRealm?.customInfo, member) &&
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
