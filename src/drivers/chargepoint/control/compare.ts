import type { RegistryRow } from "../../../registry/row.ts";
import type { HeldWrite, HoldComparison } from "../../abilities.ts";
import type { LoadAnswer } from "../account/answers.ts";
import { limitRead } from "./other-ports.ts";
import { describe, keyOf, type Limit, type Target } from "./own-limits.ts";

type Port = LoadAnswer["Port"][number];

/** At which of the ports meant by a limit it is in force. */
export type Shown = "everywhere" | "at some ports" | "nowhere";

const SAME = 0.001;

/** Compares the limits that are held with a station's load answer, and finds limits in it that are not held. */
export function compareWithLoad(
  load: LoadAnswer,
  held: readonly HeldWrite[],
  station: {
    readonly stationID: string;
    readonly rowOf: (point: string) => RegistryRow | undefined;
  },
): HoldComparison {
  const { stationID, rowOf } = station;
  const rows = held.map((write) => {
    const row = rowOf(write.point);
    return { key: write.key, row, shown: row ? shows(load, row, write) : "nowhere" };
  });
  const keysOf = (how: Shown) => rows.filter(({ shown }) => shown === how).map(({ key }) => key);
  const ports = rows.filter(({ shown }) => shown !== "nowhere").map(({ row }) => row!.port);
  const covered = ({ portNumber }: Port) => ports.some((port) => port === undefined || port === portNumber);
  const others = load.Port.filter((port) => port.shedState === 1 && !covered(port));
  return {
    gone: keysOf("nowhere"),
    inPart: keysOf("at some ports"),
    foreign: others.map((port) => {
      const limit = limitRead(port);
      const text = `port ${port.portNumber} of station ${stationID} is limited (${describe(limit)})`;
      return { key: keyOf(port.portNumber ?? ""), within: keyOf(undefined), text };
    }),
  };
}

function shows(load: LoadAnswer, { attribute, port }: RegistryRow, { value }: HeldWrite): Shown {
  if (attribute === "allowedLoad" || attribute === "percentShed")
    return showsLimit(load, port, { mode: attribute, value: Number(value) });
  return shown(load, port, ({ shedState }) => shedState === 1);
}

/**
 * Returns where a limit of a station or of one port is in force. A limit of the other mode reads as 0 in this one, which is
 * not a limit of 0.
 */
export function showsLimit(load: LoadAnswer, target: Target, { mode, value }: Limit): Shown {
  const other = mode === "allowedLoad" ? "percentShed" : "allowedLoad";
  return shown(
    load,
    target,
    (port) => port.shedState === 1 && Math.abs((port[mode] ?? 0) - value) <= SAME && (port[other] ?? 0) === 0,
  );
}

function shown(load: LoadAnswer, target: Target, isAsMeant: (port: Port) => boolean): Shown {
  const ports = load.Port.filter(({ portNumber }) => target === undefined || portNumber === target);
  const limited = ports.filter(isAsMeant);
  if (limited.length === 0) return "nowhere";
  return limited.length === ports.length ? "everywhere" : "at some ports";
}
