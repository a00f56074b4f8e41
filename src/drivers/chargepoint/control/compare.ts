import type { RegistryRow } from "../../../registry/row.ts";
import type { HeldWrite, HoldComparison } from "../../driver.ts";
import type { LoadAnswer } from "../account/answers.ts";
import { loadRegister } from "../registers/load-register.ts";
import { limitRead } from "./other-ports.ts";
import { describe, type Limit, type Target } from "./own-limits.ts";

type Port = LoadAnswer["Port"][number];

const SAME = 0.001;

/** Which of the limits that are held show in a station's load answer, and which limits it shows besides. */
export function compareWithLoad(
  load: LoadAnswer,
  held: readonly HeldWrite[],
  station: {
    readonly stationID: string;
    readonly rowOf: (point: string) => RegistryRow | undefined;
  },
): HoldComparison {
  const { stationID, rowOf } = station;
  const rows = held.map((write) => ({ write, row: rowOf(write.point) }));
  const gone = rows.filter(({ write, row }) => !row || !shows(load, row, write));
  const standing = rows.filter((one) => !gone.includes(one)).map(({ row }) => row!.port);
  const covered = ({ portNumber }: Port) =>
    standing.some((port) => port === undefined || port === portNumber);
  const others = load.Port.filter((port) => port.shedState === 1 && !covered(port));
  return {
    gone: gone.map(({ write }) => write.key),
    foreign: others.map((port) => {
      const limit = limitRead(port);
      const text = `port ${port.portNumber} of station ${stationID} is limited (${describe(limit)})`;
      return { key: `port:${port.portNumber}`, text };
    }),
  };
}

function shows(load: LoadAnswer, { attribute, port }: RegistryRow, { value }: HeldWrite): boolean {
  if (port !== undefined && !load.Port.some(({ portNumber }) => portNumber === port)) return false;
  if (attribute === "allowedLoad" || attribute === "percentShed")
    return showsLimit(load, port, { mode: attribute, value: Number(value) });
  return loadRegister.attributes.shedState!.read(load, port) === 1;
}

/** Whether a station or port is limited so. A limit of the other mode reads as 0 in this one, and is not the same as 0. */
export function showsLimit(load: LoadAnswer, target: Target, { mode, value }: Limit): boolean {
  const read = (attribute: string) => Number(loadRegister.attributes[attribute]!.read(load, target) ?? 0);
  const other = mode === "allowedLoad" ? "percentShed" : "allowedLoad";
  return read("shedState") === 1 && Math.abs(read(mode) - value) <= SAME && read(other) === 0;
}
