import type { DeviceDetails } from "../../../schemas.ts";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { useFollowed, useLoaded } from "../../state/requests/loaded.ts";
import { loadLog } from "../commands/command-log.ts";
import { CommandTable } from "../commands/command-table.tsx";

/** Who wrote what, and what came of it: every attempt of every interface, refused and failed ones too. */
export function Writes({ details: { device } }: { details: DeviceDetails }) {
  const isStored = useSignalValue(bridge)?.has.history === true;
  const filters = { target: device, requester: "", status: "", range: "30d" } as const;
  const loaded = useFollowed(
    useLoaded((signal) => loadLog(filters, { isStored, count: 200, signal }), [device, isStored]),
    { events: ["write"], device },
  );
  return (
    <LoadedView of={loaded} what="the log of writes">
      {(entries) => (
        <CommandTable
          caption="Log of writes, the newest first"
          entries={entries}
          device={device}
          empty={
            <Empty title="Every write to this station would be here, with who asked for it and what came of it.">
              {isStored ? "There was none in the last 30 days." : "There was none since the bridge started."}
            </Empty>
          }
        />
      )}
    </LoadedView>
  );
}
