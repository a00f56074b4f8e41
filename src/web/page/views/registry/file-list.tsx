import { useState } from "preact/hooks";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { DialogForm } from "../../kit/controls/dialog-form.tsx";
import { SelectField, TextField } from "../../kit/controls/field.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { bytes, count, counted } from "../../kit/text/format.ts";
import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { SeverityMark } from "../../kit/text/state-mark.tsx";
import { Time } from "../../kit/text/time.tsx";
import { navigate, stationHref } from "../../state/browser/router.ts";
import { useLoaded } from "../../state/requests/loaded.ts";
import {
  type FileKind,
  fileHref,
  type ListedConfig,
  type ListedRegistry,
  listConfigs,
  listRegistries,
} from "./files-api.ts";

/** Every registry and every config. */
export function FileList() {
  const registries = useLoaded(listRegistries, []);
  const configs = useLoaded(listConfigs, []);
  const [making, setMaking] = useState(false);
  return (
    <div class="stack">
      <div class="row apart">
        <PageHeading title="Registry" />
        <button type="button" class="button" onClick={() => setMaking(true)}>
          New file…
        </button>
      </div>
      <section class="stack" aria-labelledby="registries">
        <h2 id="registries">
          Registries <small class="quiet">which points the stations have</small>
        </h2>
        <LoadedView of={registries} what="the registries" lines={4}>
          {(value) => (
            <DataTable
              caption={`Registries in ${value.folder}`}
              rows={value.registries}
              columns={REGISTRIES}
              keyOf={({ name }) => name}
              empty={
                <Empty title="Every registry would be here.">
                  There is no CSV file in <code>{value.folder}</code>. <code>voltbridge discover</code> writes
                  one for the stations of an account, or make one with “New file…”.
                </Empty>
              }
            />
          )}
        </LoadedView>
      </section>
      <section class="stack" aria-labelledby="configs">
        <h2 id="configs">
          Configs <small class="quiet">the bridge, and each device or set of devices</small>
        </h2>
        <LoadedView of={configs} what="the configs" lines={4}>
          {(value) => (
            <DataTable
              caption="Configs of the bridge and its devices"
              rows={value.configs}
              columns={CONFIGS}
              keyOf={({ name }) => name}
              keys={false}
              empty={<Empty title="The config of the bridge would be here." />}
            />
          )}
        </LoadedView>
      </section>
      {making && <NewFile onClose={() => setMaking(false)} />}
    </div>
  );
}

const nameColumn = (kind: FileKind): Column<{ readonly name: string }> => ({
  id: "name",
  title: "Name",
  header: true,
  cell: ({ name }) => (
    <a href={fileHref({ kind, name })}>
      <Name text={name} />
    </a>
  ),
});

const changedAndSize: Column<{ readonly modifiedAt: string; readonly bytes: number }>[] = [
  {
    id: "changed",
    title: "Changed",
    width: "160px",
    cell: ({ modifiedAt }) => <Time at={modifiedAt} seconds={false} />,
  },
  { id: "size", title: "Size", width: "96px", numeric: true, cell: (file) => bytes(file.bytes) },
];

const REGISTRIES: readonly Column<ListedRegistry>[] = [
  nameColumn("registries"),
  {
    id: "devices",
    title: "Devices",
    width: "96px",
    numeric: true,
    cell: ({ devices }) => (devices === 0 ? <span class="quiet">unused</span> : count(devices)),
  },
  {
    id: "problems",
    title: "Problems",
    width: "200px",
    cell: (file) => <Problems errors={file.errors} warnings={file.warnings} />,
  },
  ...changedAndSize,
];

const CONFIGS: readonly Column<ListedConfig>[] = [
  nameColumn("configs"),
  {
    id: "device",
    title: "Runs as",
    width: "296px",
    cell: ({ kind, device }) =>
      kind === "bridge" ? (
        "the bridge"
      ) : device === null ? (
        <span class="quiet" title="It is disabled, has errors, or was not loaded yet.">
          does not run
        </span>
      ) : (
        <a href={stationHref(device)}>
          <Name text={device} />
        </a>
      ),
  },
  ...changedAndSize,
];

function Problems({ errors, warnings }: { errors: number; warnings: number }) {
  if (errors + warnings === 0) return <span class="quiet">none</span>;
  return (
    <span class="row">
      {errors > 0 && <SeverityMark severity="error" text={counted(errors, "error")} />}
      {warnings > 0 && <SeverityMark severity="warning" text={counted(warnings, "warning")} />}
    </span>
  );
}

/** Asks for the name of a file; the editor then begins it. */
function NewFile({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<FileKind>("registries");
  const [name, setName] = useState("");
  const ending = kind === "registries" ? ".csv" : ".json";
  const whole = name.includes(".") ? name : name + ending;
  return (
    <Dialog title="New file" onClose={onClose}>
      <DialogForm
        action="Begin"
        disabled={name === ""}
        onSend={() => navigate(fileHref({ kind, name: kind === "registries" ? whole : `devices/${whole}` }))}
        onClose={onClose}
      >
        <SelectField
          label="Kind"
          value={kind}
          choices={[
            ["registries", "Registry: the points of stations"],
            ["configs", "Config of a device or a set of devices"],
          ]}
          onValue={setKind}
        />
        <TextField
          label="Name"
          hint={
            kind === "registries"
              ? "Configs name it as config://name.csv."
              : "Its path is the device's topic: campus/garage/station-1."
          }
          value={name}
          onValue={(text) => setName(text.trim())}
          required
        />
      </DialogForm>
    </Dialog>
  );
}
