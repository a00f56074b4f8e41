import { attention } from "../../state/bridge/attention.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import type { Bridge, Estate, Health } from "./reports.ts";

/** What a person does about what the header says, by the part of this view that it links to. */
const REMEDIES: Readonly<Record<string, string>> = {
  broker:
    "Check that the broker runs at its address and accepts the bridge's login. Values wait on disk until then, and limits in force stay in force.",
  store: "Check that the store runs and has space. Values wait on disk until then, and none are lost.",
  accounts:
    "Check login, licence and address of the account in the device configs, and whether the network answers. Stations keep the limits that they have.",
  configs: "Correct what is named under Configs, then reload. What ran before goes on.",
};

interface Need {
  readonly text: string;
  readonly remedy: string;
  readonly href: string;
  readonly isError: boolean;
}

/** One glance: everything works, or what needs a person and what to do. */
export function OverallState({
  health,
  info,
  estate,
}: {
  health: Health;
  info: Bridge;
  estate: Estate | undefined;
}) {
  const urgent = useSignalValue(attention).map(
    ({ text, href }): Need => ({
      ...{ text, href, isError: true },
      remedy: REMEDIES[href.split("#")[1] ?? ""] ?? "Look there for what to do.",
    }),
  );
  const needs = [...urgent, ...estateNeeds(estate), ...needsOf(health, info)];
  if (needs.length === 0)
    return (
      <p class="overall-state good">
        <span aria-hidden="true">✓ </span>
        <strong>Everything works.</strong>{" "}
        <span class="quiet">
          Stations are read, values are published{health.historian ? " and stored" : ""}, and all files are in
          effect.
        </span>
      </p>
    );
  return (
    <ul class="overall-state" aria-label="What needs a person">
      {needs.map(({ text, remedy, href, isError }) => (
        <li key={text} class={isError ? "bad" : undefined}>
          <a href={href}>
            <span aria-hidden="true">{isError ? "▲ " : "◐ "}</span>
            <strong>{text}</strong>
          </a>{" "}
          {remedy}
        </li>
      ))}
    </ul>
  );
}

function estateNeeds(estate: Estate | undefined): Need[] {
  return (estate?.problems ?? [])
    .filter(({ severity }) => severity === "error")
    .map(({ text }) => ({
      ...{ text: `The estate: ${text}.`, href: "/system#estate", isError: true },
      remedy: "Members and shards are under Estate; docs/cluster.md says what each state means.",
    }));
}

/** What can wait, and is not in the header. */
function needsOf({ devices, selfTest, instance, config }: Health, { instance: name }: Bridge): Need[] {
  const needs: Need[] = [];
  const add = (text: string, remedy: string, href: string): void => {
    needs.push({ text, remedy, href, isError: false });
  };
  if (devices && devices.offline > 0)
    add(
      devices.offline === 1 ? "One device is offline." : `${devices.offline} devices are offline.`,
      "The page of each says since when, and why.",
      "/?show=stale",
    );
  for (const [check, outcome] of failedChecks(selfTest))
    add(
      `The self-test of the broker found: ${outcome}`,
      `Correct the access rules or limits of the broker (check ${check}); docs/mqtt.md, “Self-test”, says how.`,
      "/system#self-test",
    );
  const others = Object.keys(instance?.others ?? {}).length;
  if (others > 0)
    add(
      others === 1 ? `Another bridge is named ${name}.` : `${others} other bridges are named ${name}.`,
      "One of them commands the stations, the others wait. If that is not wanted, give each a name of its own.",
      "/system#broker",
    );
  if (config && config.afterRestart.length > 0)
    add(
      `Changed settings take effect after a restart: ${config.afterRestart.join(", ")}.`,
      "Restart the bridge when it suits: limits in force stay in force meanwhile.",
      "/system#configs",
    );
  return needs;
}

/** Checks of the self-test that are not ok. */
export function failedChecks(selfTest: Health["selfTest"]): [check: string, text: string][] {
  return Object.entries(selfTest ?? {}).filter(([check, text]) => check !== "at" && text !== "ok");
}
