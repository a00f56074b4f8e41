import type { DeviceView, PortView } from "../../../schemas.ts";
import { NONE, shortPower } from "../../kit/text/format.ts";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { Remaining } from "../../kit/text/time.tsx";
import { wordOf } from "../../state/bridge/devices.ts";

/** State of a port; the network's own word and the reason on hover. */
export function PortState({ view, port }: { view: DeviceView; port: PortView }) {
  const word = wordOf(port);
  const stale = view.availability === "online" ? "" : ` (${view.availability})`;
  const told = [
    word === "limited" ? `${port.state === "in_use" ? "in use" : "available"}, limited` : "",
    port.stateText ? `the network says ${port.stateText}` : "",
    view.reason ?? "",
  ];
  const title = told.filter(Boolean).join("; ");
  return (
    <span>
      <StateMark state={word} title={title === "" ? undefined : title} />
      {stale && <small>{stale}</small>}
    </span>
  );
}

/** The limit of a port: in kW, or as the share that is shed. */
export function limitText(limit: PortView["limit"]): string {
  if (!limit) return NONE;
  if (limit.kw !== null) return shortPower(limit.kw);
  return limit.percent === null ? "limited" : `${limit.percent} % less`;
}

export function PortLimit({ limit }: { limit: PortView["limit"] }) {
  if (!limit) return <span class="quiet">{NONE}</span>;
  const state = limit.state === "sent" ? " sent" : limit.state === "unknown" ? " ?" : "";
  const by = limit.requester === null ? "not set by this bridge" : `set by ${limit.requester}`;
  const title =
    limit.state === "sent"
      ? `${by}; sent, not confirmed yet`
      : limit.state === "unknown"
        ? `${by}; it is not known whether the station has it`
        : by;
  return (
    <span title={title}>
      {limitText(limit)}
      {state && <small>{state}</small>}
    </span>
  );
}

/** How long a limit still runs. */
export function PortUntil({ limit }: { limit: PortView["limit"] }) {
  if (!limit) return null;
  if (limit.endsAt !== null) return <Remaining until={limit.endsAt} />;
  // The end of a limit that another party set is not known.
  return <span class="quiet">{limit.requester === null ? "not known" : "until cleared"}</span>;
}
