import type { Command } from "commander";
import { formatTable, formatValue } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { type BridgeFlags, bridgeOptions, call } from "./ask.ts";

/** Result of the verb `get_sheds`. */
interface Sheds {
  readonly held: readonly {
    readonly device: string;
    readonly point: string;
    readonly value: unknown;
    readonly requester: string;
    readonly state: string;
    readonly since: string;
    readonly endsAt: string | null;
    readonly leaseSeconds: number | null;
    readonly renewals: number;
  }[];
  readonly others: readonly { readonly device: string; readonly text: string; readonly seenAt: string }[];
}

export function sheds(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("sheds")
      .description("List the limits that the running bridge holds, and limits set by others on its devices."),
  ).action((flags: BridgeFlags) => list(flags, terminal));
}

async function list(flags: BridgeFlags, terminal: Terminal): Promise<void> {
  const sheds = (await call("get_sheds", {}, flags, terminal)) as unknown as Sheds;
  if (flags.json) return printJson(terminal, sheds);
  const { held, others } = sheds;
  if (held.length === 0) terminal.out("the bridge holds no limits\n");
  else {
    const rows = held.map(({ device, point, value, requester, state, since, ...rest }) => [
      `${device}/${point}`,
      formatValue(value),
      requester,
      state.replace("_", " "),
      since,
      endText(rest),
      String(rest.renewals),
    ]);
    const head = ["point", "value", "requester", "state", "since", "ends", "renewals"];
    terminal.out(formatTable(head, rows));
  }
  if (others.length > 0) {
    const rows = others.map(({ device, text, seenAt }) => [device, seenAt, text]);
    terminal.out(`\nSet by others:\n${formatTable(["device", "seen", "what"], rows)}`);
  }
}

function endText({ endsAt, leaseSeconds }: Pick<Sheds["held"][number], "endsAt" | "leaseSeconds">): string {
  if (endsAt === null) return "when it is reverted";
  return leaseSeconds === null ? endsAt : `${endsAt}, renewed before`;
}
