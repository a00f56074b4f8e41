import { useEffect, useMemo, useState } from "preact/hooks";
import type { DeviceDetails, PointView } from "../../../schemas.ts";
import type { ChartBand } from "../../kit/chart/chart-data.ts";
import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty, Failed, Skeleton } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { Age, Remaining, Time } from "../../kit/text/time.tsx";
import { bridge, whyNotOperate } from "../../state/bridge/bridge.ts";
import { nameOf } from "../../state/bridge/devices.ts";
import { useKeys } from "../../state/browser/keys.ts";
import { stationHref } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { ApiError } from "../../state/requests/api-error.ts";
import type { SessionRow } from "../sessions/answers.ts";
import { Alarms } from "./alarms.tsx";
import { StationChart } from "./chart.tsx";
import { useDevice } from "./device.ts";
import { ClearDialog, LimitDialog, limitTargets } from "./limit.tsx";
import { StationMenu } from "./menu.tsx";
import { Points } from "./points.tsx";
import { type LimitAction, Ports } from "./ports.tsx";
import { Sessions } from "./sessions.tsx";
import { Writes } from "./writes.tsx";

/** One station: its ports, its curve, its points, and what happened there. */
export default function Station({ rest: path }: { rest: string }) {
  const { value, error, reload } = useDevice(path);
  if (error instanceof ApiError && error.kind === "device_not_found")
    return <Unknown path={path} error={error} wasThere={value !== undefined} />;
  if (!value)
    return (
      <>
        <PageHeading title={path} hidden />
        {error === undefined ? (
          <Skeleton what={`station ${path}`} lines={12} />
        ) : (
          <Failed error={error} what={`station ${path}`} onRetry={reload} />
        )}
      </>
    );
  return (
    <>
      {error !== undefined && <Failed error={error} what={`station ${path}`} onRetry={reload} />}
      <Known key={path} details={value} onChange={reload} />
    </>
  );
}

function Known({ details: loaded, onChange }: { details: DeviceDetails; onChange: () => void }) {
  const info = useSignalValue(bridge);
  const [action, setAction] = useState<LimitAction>();
  const [details, takeFresh] = useFresh(loaded);
  const [sessions, setSessions] = useState<readonly SessionRow[]>([]);
  const bands = useMemo(() => sessions.map(bandOf), [sessions]);
  const why = whyNot(details, whyNotOperate(info));
  const name = nameOf(details);
  useKeys([
    {
      keys: "l",
      what: "Set a limit",
      run: () => {
        const [target] = limitTargets(details);
        if (target && why === undefined) setAction({ kind: "set", target });
      },
    },
  ]);
  const close = (): void => setAction(undefined);
  return (
    <div class="stack station-view">
      <header class="stack tight station-head">
        <div class="row apart">
          <PageHeading title={name}>
            <Name text={name} />
          </PageHeading>
          <StationMenu details={details} onChange={onChange} />
        </div>
        <p class="quiet">
          {name !== details.device && (
            <>
              <Name text={details.device} />
              {" · "}
            </>
          )}
          {details.driver} · read <Age at={details.readAt} />, every {details.intervalSeconds} s
        </p>
        <Notices details={details} />
        {why && (
          <p class="quiet" id="why">
            {why}
          </p>
        )}
      </header>
      <nav aria-label="Parts of the view" class="row">
        <a href="#curve">Curve</a>
        <a href="#points">Points</a>
        <a href="#sessions">Sessions</a>
        <a href="#alarms">Alarms</a>
        <a href="#writes">Writes</a>
      </nav>
      <Ports details={details} why={why} onAction={setAction} />
      <section class="stack tight" id="curve" aria-label="Load and limit">
        <StationChart details={details} bands={bands} />
      </section>
      <section class="stack tight" aria-labelledby="points">
        <h2 id="points">Points</h2>
        <Points details={details} why={why} onRead={takeFresh} />
      </section>
      <section class="stack tight" aria-labelledby="sessions">
        <h2 id="sessions">Sessions</h2>
        <Sessions details={details} onSessions={setSessions} />
      </section>
      <section class="stack tight" aria-labelledby="alarms">
        <h2 id="alarms">Alarms</h2>
        <Alarms details={details} />
      </section>
      <section class="stack tight" aria-labelledby="writes">
        <h2 id="writes">Writes</h2>
        <Writes details={details} />
      </section>
      {action?.kind === "set" && <LimitDialog details={details} target={action.target} onClose={close} />}
      {action?.kind === "clear" && <ClearDialog details={details} target={action.target} onClose={close} />}
    </div>
  );
}

/** A session under way extends to the end of the chart. */
function bandOf({ session_id, started_at, ended_at }: SessionRow): ChartBand {
  const to = ended_at === null ? Number.MAX_SAFE_INTEGER : Date.parse(ended_at);
  return { from: Date.parse(started_at), to, label: `Session ${session_id}` };
}

/** Puts points that were read by themselves into the device, until it is loaded again. */
function useFresh(loaded: DeviceDetails): [DeviceDetails, (point: PointView) => void] {
  const [fresh, setFresh] = useState<readonly PointView[]>([]);
  useEffect(() => setFresh((before) => (before.length === 0 ? before : [])), [loaded]);
  const add = (point: PointView): void => setFresh((before) => [...before, point]);
  if (fresh.length === 0) return [loaded, add];
  const points = loaded.points.map((point) => fresh.findLast((one) => one.point === point.point) ?? point);
  return [{ ...loaded, points }, add];
}

/** Why nothing can be set at this station now. */
function whyNot({ paused, override }: DeviceDetails, reader: string | undefined): string | undefined {
  if (reader !== undefined) return reader;
  if (paused) return "A paused device takes no commands: resume it in the menu.";
  if (override)
    return "Under an override the station takes neither set points nor reverts: release it in Control.";
  return undefined;
}

/** What is out of the ordinary, since when, and why. */
function Notices({ details }: { details: DeviceDetails }) {
  const { availability, since, reason, paused, override, reservation } = details;
  return (
    <>
      {availability !== "online" && (
        <p class="notice failed">
          <span>
            <strong>{paused ? "Paused" : availability === "stale" ? "Stale" : "Offline"}</strong> since{" "}
            <Time at={since} />
            {reason && (
              <>
                : <bdi>{reason}</bdi>
              </>
            )}
            . The values are those of the last reading; limits in force stay in force in the station.
          </span>
        </p>
      )}
      {override && (
        <p class="notice">
          <span>
            <strong>Override</strong> <code>{override.pattern}</code> is active
            {override.endsAt ? (
              <>
                {" "}
                for another <Remaining until={override.endsAt} />
              </>
            ) : (
              " until it is switched off"
            )}
            . <a href="/control">Go to Control.</a>
          </span>
        </p>
      )}
      {reservation && (
        <p class="notice">
          <span>
            <strong>Reserved</strong> by <bdi>{reservation.requester}</bdi> (task{" "}
            <bdi>{reservation.task}</bdi>) for another <Remaining until={reservation.endsAt} />: commands of
            others are refused.
          </span>
        </p>
      )}
    </>
  );
}

function Unknown({ path, error, wasThere }: { path: string; error: ApiError; wasThere: boolean }) {
  const near = /did you mean (.+)\?$/.exec(error.message)?.[1];
  return (
    <>
      <PageHeading title="Unknown station" hidden />
      <Empty
        title={
          wasThere ? `${path} is no longer a device of this bridge.` : `This bridge has no device ${path}.`
        }
      >
        {near && (
          <p>
            Did you mean{" "}
            <a href={stationHref(near)}>
              <Name text={near} />
            </a>
            ?
          </p>
        )}
        <p>
          {wasThere
            ? "It was removed from the configs, or from its set of stations. Its history is kept: "
            : "It may have another name, or wait in a config that was not loaded. "}
          <a href={wasThere ? "/history" : "/"}>
            {wasThere ? "look at it in History." : "Go to the stations."}
          </a>
        </p>
      </Empty>
    </>
  );
}
