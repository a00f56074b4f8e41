import { dateTime, double, group, int, list, long, operation, result, string } from "../message.ts";

/** Kinds of transactions, of stations and of fleets (guide §6.3, §10.5). */
export const TRANSACTION_TYPES = [
  "Session",
  "Reservation",
  "Reservation Cancel",
  "Reservation Usage Addendum",
] as const;

/** What sessions and reservations cost the drivers and brought the organisation (guide §6.3). */
export const getTransactionData = operation({
  name: "getTransactionData",
  doc: "Fees of sessions and reservations",
  restrictions:
    "Enterprise plan; stations with a pricing policy that the organisation owns or may manage; 100 transactions a call, " +
    "500 where asked for (code 198)",
  section: "6.3",
  effect: "read",
  paging: {
    size: 100,
    maxSize: 500,
    records: "transactionData",
    recordsIn: "transactions",
    sizeElement: "numTransactions",
    moreElement: "MoreFlag",
  },
  request: {
    searchQuery: group({
      stationID: string("CPNID:StationIdentifier"),
      stationName: string("All or part of organisation / station"),
      stationMacAddr: string("MAC address of the hardware"),
      orgID: string("CPNID:orgID"),
      organizationName: string(),
      pricingRuleName: string("Rule by which the fee was computed"),
      transactionType: string("Kind of transaction", { values: TRANSACTION_TYPES }),
      transactionID: long("Unique identifier"),
      fromTransactionTimeStamp: dateTime("At or after this moment; together with the other (code 197)"),
      toTransactionTimeStamp: dateTime("At or before this moment"),
      startRecord: int("Number of the first record wanted, from 1"),
      numTransactions: int("Most transactions in the answer, at most 500; default 100"),
      anonymousCreditCardNumber: string("Last four digits"),
    }),
  },
  response: {
    ...result,
    transactions: group({
      transactionData: list(
        group({
          stationID: string("CPNID:StationIdentifier"),
          stationName: string("Organisation / station"),
          stationMacAddr: string("MAC address", { also: ["stationMacAddress", "stationMACAddress"] }),
          portNumber: string("Text: ports can be 1A"),
          organizationName: string(),
          pricingRuleName: string("Rule by which the fee was computed"),
          transactionType: string("Kind of transaction", { values: TRANSACTION_TYPES }),
          transactionID: long("Unique identifier"),
          Energy: double("Energy of the session, kWh"),
          transactionTime: dateTime("When the station reported it"),
          startTime: dateTime("Start of the session"),
          endTime: dateTime("End of the session"),
          Currency: string("ISO 4217"),
          grossAmount: double("Paid by the driver, in Currency"),
          flexBillingServiceFee: double("Kept for Flex Billing, in Currency"),
          netRevenue: double("Paid to the organisation, in Currency"),
          exchangeRateUSD: double("Between Currency and US dollars"),
          recordNumber: int("Place in the whole result, from 1"),
          anonymousCreditCardNumber: string("Last four digits"),
          taxAmount: double("Tax, in Currency"),
          netAmount: double("Net amount expected, in Currency"),
        }),
      ),
    }),
    MoreFlag: int("1: more transactions match than the page holds", { also: ["moreFlag"] }),
  },
});
