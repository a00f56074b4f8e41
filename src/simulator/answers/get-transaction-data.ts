import type { getTransactionData } from "../../drivers/chargepoint/api/operations/get-transaction-data.ts";
import { TRANSACTION_TYPES } from "../../drivers/chargepoint/api/operations/get-transaction-data.ts";
import { manages } from "../world/rights.ts";
import type { Session } from "../world/session.ts";
import { REPORTED_AFTER_MS, settlementOf } from "../world/transactions.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { pageOf } from "./page.ts";
import { checkStationID, namedOrganisation, rightsOn } from "./realm.ts";
import { requestTime, seconds, shownKwh, wireTime } from "./values.ts";

const MOST = 500;
const USUAL = 100;

type Query = NonNullable<Parameters<AnswerTo<typeof getTransactionData>["answer"]>[0]["searchQuery"]>;

/** Guide §6.3: fees of sessions at stations that the account owns or manages, in the order in which they were reported. */
export const answerGetTransactionData: AnswerTo<typeof getTransactionData> = {
  badValues: { fromTransactionTimeStamp: "141", toTransactionTimeStamp: "141" },
  answer({ searchQuery }, scene) {
    const query = searchQuery ?? ({} as Query);
    const page = pageOf(
      matchingTransactions(scene, query),
      { startRecord: query.startRecord, size: query.numTransactions },
      { most: MOST, usual: USUAL, beyond: "198", none: "201" },
    );
    return {
      transactions: {
        transactionData: page.records.map(({ record, recordNumber }) => ({
          ...describeTransaction(scene, record),
          recordNumber,
        })),
      },
      MoreFlag: page.moreFlag,
    };
  },
};

function matchingTransactions(scene: Scene, query: Query): readonly Session[] {
  const { world } = scene;
  const window = windowOf(query);
  const { stationID, stationMacAddr, pricingRuleName, transactionType, transactionID } = query;
  if (transactionType && !TRANSACTION_TYPES.some((type) => type === transactionType)) {
    throw new Refusal("171", "Invalid Parameters transactionType");
  }
  if (transactionType && transactionType !== "Session") return [];
  if (stationID) checkStationID(stationID);
  const organisation = namedOrganisation(scene, query);
  const part = query.stationName?.toLowerCase();
  const book = world.transactionBook;
  const candidates = transactionID
    ? [book.find(Number(transactionID))].filter((session) => session !== undefined)
    : book.since(window.from * 1000 - REPORTED_AFTER_MS);
  return candidates.filter((session) => {
    if (stationID && session.stationID !== stationID) return false;
    const station = world.findStation(session.stationID)!;
    const at = reportedAt(session);
    return (
      manages(rightsOn(scene, station)) &&
      at <= world.now &&
      seconds(at) >= window.from &&
      seconds(at) <= window.to &&
      (!organisation || station.organisation === organisation) &&
      (!part || station.name.toLowerCase().includes(part)) &&
      (!stationMacAddr || station.mac.toLowerCase() === stationMacAddr.toLowerCase()) &&
      (!pricingRuleName || station.pricing!.name.toLowerCase() === pricingRuleName.toLowerCase()) &&
      (!query.anonymousCreditCardNumber ||
        world.driverOf(session).creditCard === query.anonymousCreditCardNumber)
    );
  });
}

/** @throws Refusal 197 for half a window, 196 for one that ends before it begins, 141 for no times */
function windowOf(query: Query): { from: number; to: number } {
  const from = requestTime(query.fromTransactionTimeStamp);
  const to = requestTime(query.toTransactionTimeStamp);
  if ((from === null) !== (to === null)) throw new Refusal("197");
  if (from !== null && to !== null && from > to) throw new Refusal("196");
  return { from: from ?? Number.NEGATIVE_INFINITY, to: to ?? Number.POSITIVE_INFINITY };
}

function reportedAt(session: Session): number {
  return session.endedAt! + REPORTED_AFTER_MS;
}

function describeTransaction({ world }: Scene, session: Session) {
  const station = world.findStation(session.stationID)!;
  const { gross, serviceFee, revenue, tax, net } = settlementOf(session, station);
  return {
    stationID: station.id,
    stationName: station.name,
    stationMacAddr: station.mac,
    portNumber: session.portNumber,
    organizationName: station.organisation.name,
    pricingRuleName: station.pricing!.name,
    transactionType: "Session",
    transactionID: String(session.transactionID),
    Energy: shownKwh(session.kwhAt(session.endedAt!)),
    transactionTime: wireTime(reportedAt(session)),
    startTime: wireTime(session.startedAt),
    endTime: wireTime(session.endedAt!),
    Currency: station.site.currency,
    grossAmount: gross,
    flexBillingServiceFee: serviceFee,
    netRevenue: revenue,
    exchangeRateUSD: station.site.dollars,
    anonymousCreditCardNumber: world.driverOf(session).creditCard,
    taxAmount: tax,
    netAmount: net,
  };
}
