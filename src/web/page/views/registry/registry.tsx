import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty } from "../../kit/text/loading.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import "../../styles/registry.css";
import { FileEditor } from "./file-editor.tsx";
import { FileList } from "./file-list.tsx";

/** Registries and configs: the list of both, or one that is edited. */
export default function Registry({ rest }: { rest: string }) {
  const caller = useSignalValue(bridge)?.caller;
  if (caller?.role !== "admin") return <NotAdmin role={caller?.role} isOpen={caller?.via === "open"} />;
  if (rest === "") return <FileList />;
  // A registry in a folder `config` ends with .csv all the same.
  const config = /^config\/(?!.*\.csv$)(.+)$/i.exec(rest)?.[1];
  return (
    <FileEditor
      kind={config === undefined ? "registries" : "configs"}
      name={config ?? rest}
      key={config ?? rest}
    />
  );
}

function NotAdmin({ role, isOpen }: { role: string | undefined; isOpen: boolean }) {
  return (
    <>
      <PageHeading title="Registry" hidden />
      <Empty title="Registries and configs would be here: which points each station has, and how the bridge is set up.">
        <p>
          Only the role admin reads and edits them, because they say what is read, what may be written and
          where to. {isOpen ? "This bridge has no users yet." : `Your role is ${role ?? "not known"}.`}
        </p>
        <p>
          To become an admin, run <code>voltbridge web user NAME --role admin</code> on the machine of the
          bridge, and put the entry that it prints into <code>web.users</code> of the bridge config
          {isOpen ? ". Then log in." : ", or ask who looks after the bridge to do so."} See “Users and access”
          in docs/web.md.
        </p>
        <p>
          Without it, registries are edited as files; <code>voltbridge check</code> says what is wrong in
          them.
        </p>
      </Empty>
    </>
  );
}
