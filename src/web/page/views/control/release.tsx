import type { ReadonlySignal } from "@preact/signals-core";
import { useEffect, useState } from "preact/hooks";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { DialogForm } from "../../kit/controls/dialog-form.tsx";
import { anyValue } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { type CommandProgress, sendCommand } from "../../state/bridge/commands.ts";
import { stationName } from "../../state/bridge/devices.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { AskDialog } from "../commands/command-dialog.tsx";
import { stepText } from "../commands/progress.tsx";

/** A limit in the book of the bridge, as `GET holds` has it. */
export interface HeldLimit {
  readonly device: string;
  readonly point: string;
  readonly port: string | null;
  readonly value: unknown;
  readonly units: string;
  readonly requester: string;
  readonly state: "sent" | "in_force" | "unknown" | "ended";
  readonly since: string;
  readonly endsAt: string | null;
  readonly leaseSeconds: number | null;
  readonly renewals: number;
}

export const keyOf = ({ device, point }: HeldLimit): string => `${device}/${point}`;

/** `3 kW`, `50 %` */
export function limitValue({ value, units }: Pick<HeldLimit, "value" | "units">): string {
  return `${anyValue(value)} ${units === "percent" ? "%" : units}`.trim();
}

export const portText = ({ port }: Pick<HeldLimit, "port">): string => port ?? "all";

const request = ({ device, point }: HeldLimit) => ({ action: "revert", device, point }) as const;

const SITE = /^limit:(.*)$/s;

/** Releases one limit, after a question that names the station. */
export function ReleaseDialog({ limit, onClose }: { limit: HeldLimit; onClose: () => void }) {
  const { device, port, requester, units } = limit;
  const name = stationName(device);
  const group = SITE.exec(requester)?.[1];
  return (
    <AskDialog
      title={
        <>
          Release the limit of <Name text={name} />
        </>
      }
      units={units}
      onClose={onClose}
      action="Release the limit"
      request={request(limit)}
    >
      <p class="effect">
        {port === null ? "" : `Port ${port} of `}
        <Name text={name} /> is no longer limited to {limitValue(limit)}. The limit was set by{" "}
        <bdi>{requester}</bdi>.
      </p>
      {group !== undefined && <SiteNote groups={[group]} />}
    </AskDialog>
  );
}

/** Number of commands under way at the same time; the bridge paces what it sends to the network itself. */
const AT_ONCE = 4;

/** Releases several limits, and shows what becomes of each. */
export function ReleaseSeveralDialog({
  limits: list,
  onClose,
}: {
  limits: readonly HeldLimit[];
  onClose: () => void;
}) {
  const [isSent, setSent] = useState(false);
  const [sent, setProgress] = useState<ReadonlyMap<string, ReadonlySignal<CommandProgress>>>(new Map());
  const groups = [...new Set(list.flatMap(({ requester }) => SITE.exec(requester)?.[1] ?? []))];
  useEffect(() => {
    if (!isSent) return undefined;
    const waiting = [...list];
    let closed = false;
    const next = (): void => {
      const limit = closed ? undefined : waiting.shift();
      if (!limit) return;
      const progress = sendCommand(request(limit));
      setProgress((before) => new Map(before).set(keyOf(limit), progress));
      let isOver = false;
      const end = progress.subscribe(({ final }) => {
        if (!final || isOver) return;
        isOver = true;
        queueMicrotask(() => {
          end();
          next();
        });
      });
    };
    for (let count = 0; count < AT_ONCE; count++) next();
    return () => {
      closed = true;
    };
  }, [isSent, list]);
  return (
    <Dialog title={`Release ${list.length} limits`} onClose={onClose}>
      {isSent ? (
        <>
          <ul class="several" role="status" aria-live="polite">
            {list.map((limit) => (
              <li key={keyOf(limit)}>
                <LimitName limit={limit} />
                <Outcome of={sent.get(keyOf(limit))} />
              </li>
            ))}
          </ul>
          <p class="quiet">Closed now, limits that wait are not released.</p>
          <div class="row end">
            <button type="button" class="button" onClick={onClose}>
              Close
            </button>
          </div>
        </>
      ) : (
        <DialogForm action={`Release ${list.length} limits`} onClose={onClose} onSend={() => setSent(true)}>
          <p class="effect">These ports are no longer limited:</p>
          <ul class="several">
            {list.map((limit) => (
              <li key={keyOf(limit)}>
                <LimitName limit={limit} />
                <span>
                  {limitValue(limit)}, set by <bdi>{limit.requester}</bdi>
                </span>
              </li>
            ))}
          </ul>
          {groups.length > 0 && <SiteNote groups={groups} />}
        </DialogForm>
      )}
    </Dialog>
  );
}

function LimitName({ limit }: { limit: HeldLimit }) {
  return (
    <span>
      <Name text={stationName(limit.device)} /> <span class="quiet">port {portText(limit)}</span>
    </span>
  );
}

function Outcome({ of }: { of: ReadonlySignal<CommandProgress> | undefined }) {
  return of ? <KnownOutcome of={of} /> : <span class="quiet">waits</span>;
}

function KnownOutcome({ of }: { of: ReadonlySignal<CommandProgress> }) {
  const { steps, error } = useSignalValue(of);
  if (error !== undefined)
    return <StateMark state="faulted" text={error instanceof Error ? error.message : String(error)} />;
  const { mark, word, text } = stepText(steps.at(-1)!, "kW");
  const isPlain = word === "confirmed" || text === "";
  return <StateMark state={mark} text={isPlain ? word : `${word}: ${text}`} />;
}

function SiteNote({ groups }: { groups: readonly string[] }) {
  return (
    <p>
      The site {groups.length === 1 ? "limit" : "limits"} {groups.join(", ")} set{groups.length === 1 && "s"}{" "}
      it again after the next scrape, as long as the site limit needs it. To free the ports for longer,{" "}
      <a href="/control?tab=site">change the site limit</a>.
    </p>
  );
}
