import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty } from "../../kit/text/loading.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import "../../styles/sessions.css";
import { SessionView } from "./session.tsx";
import { SessionLists } from "./session-lists.tsx";

/** The charging sessions and their sums; at `/sessions/<id>` one of them. */
export default function Sessions({ rest }: { rest: string }) {
  const info = useSignalValue(bridge);
  if (info && !info.has.sessions)
    return (
      <>
        <PageHeading title="Sessions" hidden />
        <Empty title="Charging sessions would be here: by day, month and station, with their sums.">
          This bridge does not read them: set <code>sessions.enabled</code> to <code>true</code> in its config
          and restart it. Earlier sessions come with <code>voltbridge sessions sync</code>.
        </Empty>
      </>
    );
  return rest === "" ? <SessionLists /> : <SessionView id={rest} />;
}
