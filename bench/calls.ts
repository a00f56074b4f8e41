/**
 * API calls per round of scrapes at 1 to 100,000 stations, in station groups of 50, of 500 and without groups, beside the
 * six calls per station of a driver that asks for each by itself. The account is the real one; the service is a double
 * that answers at once, and time is made up: the scrapes are 20 ms apart, a round every minute.
 *
 * Run: node bench/calls.ts [stations…]
 */
import { Account, type Reader } from "../src/drivers/chargepoint/account/account.ts";
import { ageAllowed } from "../src/drivers/chargepoint/account/reads/pace.ts";
import type { Operation, RequestOf, ResponseOf } from "../src/drivers/chargepoint/api/message.ts";
import { createLog } from "../src/log/log.ts";
import { NO_OUTAGES } from "../test/helpers/outages.ts";

const SIZES = [1, 10, 100, 1_000, 10_000, 100_000];
const GROUPS = [50, 500, 0];
const KINDS = ["station", "status", "load", "alarms", "rights", "sessions"] as const;
const INTERVAL = 60;
const SPACING = 0.02;
const HOUR_OF_ROUNDS = 60;

interface Query {
  readonly stationID?: string;
  readonly stationIDs?: { readonly stationID: readonly string[] };
  readonly sgID?: number;
  readonly startRecord?: number | string;
}

async function measure(stations: number, groupSize: number): Promise<void> {
  const clock = { now: 0 };
  const service = new CountingService(stations, groupSize);
  const account = new Account({
    ...{
      label: "bench",
      client: service,
      log: createLog({ level: "silent" }),
      notice: () => undefined,
      outages: NO_OUTAGES,
    },
    ...{ state: { get: () => null, set: () => undefined }, stateKey: "bench" },
    ...{ callsInFlight: 8, callsPerMinute: Number.MAX_SAFE_INTEGER },
    clock: {
      now: () => Date.UTC(2026, 10, 21) + clock.now * 1000,
      monotonic: () => clock.now * 1000,
      after: () => () => undefined,
    },
  });
  const readers = service.ids.map((stationID) =>
    KINDS.map((kind) =>
      account.join(kind, stationID, { maxAgeSeconds: ageAllowed(kind, 0, 3600), intervalSeconds: INTERVAL }),
    ),
  );
  const rounds = stations <= 1_000 ? HOUR_OF_ROUNDS + 1 : 3;
  const counts: number[] = [];
  let failed = 0;
  for (let round = 0; round < rounds; round++) {
    const before = service.calls;
    const spacing = Math.min(SPACING, INTERVAL / stations);
    let reads: Promise<void>[] = [];
    const read = (reader: Reader) =>
      new Promise<void>((resolve) => {
        const lost = () => {
          failed++;
          resolve();
        };
        account.ask(reader, { answered: () => resolve(), failed: lost });
      });
    for (const [slot, own] of readers.entries()) {
      clock.now = round * INTERVAL + slot * spacing;
      reads.push(...own.map(read));
      if (reads.length < 500 * KINDS.length && slot < readers.length - 1) continue;
      await Promise.all(reads);
      reads = [];
    }
    counts.push(service.calls - before);
  }
  await account.close();
  if (failed > 0) throw new Error(`${failed} reads of ${stations} stations failed`);
  const steady = counts[1]!;
  const hour = rounds > HOUR_OF_ROUNDS ? counts.slice(1).reduce((sum, n) => sum + n) / HOUR_OF_ROUNDS : null;
  console.log(
    [
      String(stations).padStart(8),
      (groupSize === 0 ? "none" : String(groupSize)).padStart(9),
      String(6 * stations).padStart(10),
      String(counts[0]).padStart(11),
      String(steady).padStart(12),
      (hour?.toFixed(1) ?? "–").padStart(15),
      ((6 * stations) / (hour ?? steady)).toFixed(0).padStart(11),
    ].join("  "),
  );
}

/** Answers every read with as much as the account looks at, by the sizes of pages in the guide. */
class CountingService {
  readonly ids: readonly string[];
  readonly #groupSize: number;
  calls = 0;

  constructor(stations: number, groupSize: number) {
    this.ids = Array.from({ length: stations }, (_, n) => `1:${100_001 + n}`);
    this.#groupSize = groupSize;
  }

  async call<O extends Operation>(operation: O, request: RequestOf<O>): Promise<ResponseOf<O>> {
    this.calls += 1;
    const { searchQuery: query = request } = request as { searchQuery?: Query };
    const answer = { responseCode: "100", responseText: null, ...this.#answer(operation, query) };
    return answer as unknown as ResponseOf<O>;
  }

  async close(): Promise<void> {}

  #answer(operation: Operation, query: Query): object {
    const groups = this.#groupSize === 0 ? 0 : Math.ceil(this.ids.length / this.#groupSize);
    const sgIDs = Array.from({ length: groups }, (_, n) => n + 1);
    switch (operation.name) {
      case "getStationStatus":
        return { stationData: records(query.stationIDs?.stationID ?? [query.stationID!]), moreFlag: 0 };
      case "getLoad":
        return {
          stationData: records(query.sgID === undefined ? [query.stationID!] : this.#group(query.sgID)),
        };
      case "getOrgsAndStationGroups":
        if (groups === 0) return { orgData: [] };
        return { orgData: [{ orgID: "1:ORG", sgData: sgIDs.map((sgID) => ({ sgID, parentGroupID: "0" })) }] };
      case "getStationGroups":
        return { groupData: sgIDs.map((sgID) => ({ sgID, stationData: records(this.#group(sgID)) })) };
      case "getStationGroupDetails":
        return { stationData: records(this.#group(query.sgID!)) };
      case "getAlarms":
        return { Alarms: [], moreFlag: 0 };
      case "getChargingSessionData":
        return { ChargingSessionData: [], MoreFlag: 0 };
      case "getStationRights": {
        const page = this.#page(operation, query);
        return { rightsData: [{ sgID: "1", stationData: records(page.ids) }], moreFlag: page.moreFlag };
      }
      default: {
        const page = this.#page(operation, query);
        return { stationData: records(page.ids), moreFlag: page.moreFlag };
      }
    }
  }

  #group(sgID: number): readonly string[] {
    return this.ids.slice((sgID - 1) * this.#groupSize, sgID * this.#groupSize);
  }

  #page({ paging }: Operation, { stationID, startRecord = 1 }: Query) {
    if (stationID !== undefined) return { ids: [stationID], moreFlag: 0 };
    const from = Number(startRecord) - 1;
    const ids = this.ids.slice(from, from + paging!.size);
    return { ids, moreFlag: from + ids.length < this.ids.length ? 1 : 0 };
  }
}

function records(stationIDs: readonly string[]) {
  return stationIDs.map((stationID) => ({ stationID, Port: [] }));
}

const asked = process.argv.slice(2).map(Number);
console.log("stations  groups of  6N a round  first round  steady round  mean of an hour  times fewer");
for (const stations of asked.length > 0 ? asked : SIZES) {
  for (const size of GROUPS) await measure(stations, size);
}
