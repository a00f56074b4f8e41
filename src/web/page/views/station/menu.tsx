import { useState } from "preact/hooks";
import type { DeviceDetails } from "../../../schemas.ts";
import { ActionDialog } from "../../kit/controls/dialog-form.tsx";
import { Menu, type MenuItem } from "../../kit/controls/menu.tsx";
import { Name } from "../../kit/text/name.tsx";
import { mayOperate } from "../../state/bridge/bridge.ts";
import { nameOf } from "../../state/bridge/devices.ts";
import { api, apiPath } from "../../state/requests/api.ts";
import { AskDialog } from "../commands/command-dialog.tsx";

/** Revert, pause and resume, each with a question first. */
export function StationMenu({ details, onChange }: { details: DeviceDetails; onChange: () => void }) {
  const [open, setOpen] = useState<"revert" | "pause" | "resume">();
  const close = (): void => setOpen(undefined);
  const { device, paused } = details;
  const name = nameOf(details);
  const items: MenuItem[] = [
    { text: "Revert the whole device…", run: () => setOpen("revert") },
    paused
      ? { text: "Resume…", run: () => setOpen("resume") }
      : { text: "Pause…", run: () => setOpen("pause") },
  ];
  return (
    <>
      {mayOperate() && <Menu label={`Commands to ${name}`} button="⋯" items={items} />}
      {open === "revert" && (
        <AskDialog
          title={
            <>
              Revert <Name text={name} />
            </>
          }
          onClose={close}
          action="Revert the device"
          request={{ action: "revert", device }}
        >
          <p class="effect">
            Every limit that this bridge holds in <Name text={name} /> is cleared, and its writable points
            with a Starting Value go back to it. Limits of others stay.
          </p>
        </AskDialog>
      )}
      {open === "pause" && (
        <ActionDialog
          title="Pause"
          action="Pause"
          what={`the pause of ${name}`}
          run={async () => {
            await api.post(apiPath`devices/${device}/pause`, {});
            return `${name} is paused.`;
          }}
          onDone={onChange}
          onClose={close}
        >
          <p>
            The bridge leaves <Name text={name} /> alone: it is neither read nor written until somebody
            resumes it. The station charges as before. A limit that the bridge holds there has to be cleared
            first.
          </p>
        </ActionDialog>
      )}
      {open === "resume" && (
        <ActionDialog
          title="Resume"
          action="Resume"
          what={`the resumption of ${name}`}
          run={async () => {
            await api.post(apiPath`devices/${device}/resume`, {});
            return `${name} is resumed, and read now.`;
          }}
          onDone={onChange}
          onClose={close}
        >
          <p>
            <Name text={name} /> is read at once, and takes commands again.
          </p>
        </ActionDialog>
      )}
    </>
  );
}
