import type { DeviceDetails, PortView } from "../../../schemas.ts";
import { anyValue, power, shortPower } from "../../kit/text/format.ts";
import { Remaining } from "../../kit/text/time.tsx";
import { limitText, PortState } from "../stations/port-cells.tsx";
import { type LimitTarget, limitTargets } from "./limit.tsx";

/** What the reader asks for with the buttons of a port. */
export type LimitAction = { readonly kind: "set" | "clear"; readonly target: LimitTarget };

/** The ports in big numbers, and the station where it can be limited as a whole. */
export function Ports({
  details,
  why,
  onAction,
}: {
  details: DeviceDetails;
  /** Why nothing can be set now; undefined where it can. */
  why: string | undefined;
  onAction: (action: LimitAction) => void;
}) {
  const targets = limitTargets(details);
  const whole = targets.find(({ port }) => port === undefined);
  const isStale = details.availability !== "online";
  return (
    <ul class={isStale ? "ports stale" : "ports"}>
      {details.ports.map((port) => {
        const own = targets.find((target) => target.port === port.port);
        return (
          <li key={port.port} aria-label={`Port ${port.port}`}>
            <header class="row apart">
              <h2>Port {port.port}</h2>
              <PortState view={details} port={port} />
            </header>
            <Load kw={port.loadKw} maxKw={port.maxKw} />
            <Limit limit={port.limit} />
            <Session details={details} port={port.port} />
            <Buttons
              what={`port ${port.port}`}
              target={own ?? whole}
              limit={port.limit}
              {...{ why, onAction }}
            />
          </li>
        );
      })}
      {whole && details.ports.length !== 1 && (
        <li aria-label="Whole station">
          <header class="row apart">
            <h2>Whole station</h2>
          </header>
          <Load kw={details.loadKw} maxKw={whole.most ?? null} />
          <p class="quiet">One limit that all its ports share.</p>
          <Buttons
            what="the whole station"
            target={whole}
            limit={anyLimit(details.ports)}
            {...{ why, onAction }}
          />
        </li>
      )}
    </ul>
  );
}

const anyLimit = (ports: readonly PortView[]): PortView["limit"] =>
  ports.find(({ limit }) => limit)?.limit ?? null;

function Load({ kw, maxKw }: { kw: number | null; maxKw: number | null }) {
  return (
    <p>
      <strong class="big">{power(kw)}</strong>
      {maxKw !== null && <span class="quiet"> of {shortPower(maxKw)}</span>}
    </p>
  );
}

/** The limit, how long it still runs, and who set it. */
function Limit({ limit }: { limit: PortView["limit"] }) {
  if (!limit) return <p class="quiet">No limit</p>;
  const { requester, endsAt, state } = limit;
  return (
    <p>
      <strong>Limit {limitText(limit)}</strong>
      {state === "sent" && " sent, not confirmed yet"}
      {state === "unknown" && " – it is not known whether the station has it; the bridge reads it back"}
      {endsAt !== null && (
        <>
          , <Remaining until={endsAt} /> left
        </>
      )}
      {endsAt === null && requester !== null && ", until cleared"}
      <span class="quiet">
        {requester === null ? (
          ", not set by this bridge"
        ) : (
          <>
            , set by <bdi>{requester}</bdi>
          </>
        )}
      </span>
    </p>
  );
}

/** The session under way, where the registry reads it. */
function Session({ details, port }: { details: DeviceDetails; port: string }) {
  const view = details.ports.find((one) => one.port === port);
  const energy = details.points.find((point) => point.measure === "energy" && point.port === port);
  if (view?.state !== "in_use" || typeof energy?.value !== "number") return null;
  return (
    <p class="quiet">
      {anyValue(Math.round(energy.value * 100) / 100)} {energy.units} in this session
    </p>
  );
}

function Buttons({
  what,
  target,
  limit,
  why,
  onAction,
}: {
  what: string;
  target: LimitTarget | undefined;
  limit: PortView["limit"];
  why: string | undefined;
  onAction: (action: LimitAction) => void;
}) {
  if (!target)
    return (
      <p class="quiet">No writable limit: set Writable to TRUE in the row of its limit in the registry.</p>
    );
  return (
    <div class="row">
      <button
        type="button"
        class="button"
        aria-label={`Set limit of ${what}`}
        disabled={why !== undefined}
        title={why}
        onClick={() => onAction({ kind: "set", target })}
      >
        Set limit
      </button>
      {limit && (
        <button
          type="button"
          class="button"
          aria-label={`Clear limit of ${what}`}
          disabled={why !== undefined}
          title={why}
          onClick={() => onAction({ kind: "clear", target: { ...target, limit } })}
        >
          Clear
        </button>
      )}
      {target.port === undefined && what.startsWith("port") && (
        <small class="quiet">limits the whole station</small>
      )}
    </div>
  );
}
