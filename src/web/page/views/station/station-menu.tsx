import { useState } from "preact/hooks";
import type { DeviceDetails } from "../../../schemas.ts";
import { answer } from "../../kit/answers.tsx";
import { Confirm } from "../../kit/dialog.tsx";
import { Menu, type MenuItem } from "../../kit/menu.tsx";
import { Name } from "../../kit/name.tsx";
import { api, apiPath } from "../../state/api.ts";
import { explain } from "../../state/api-error.ts";
import { mayOperate } from "../../state/bridge.ts";
import { nameOf } from "../../state/devices.ts";
import { CommandDialog, SendForm } from "./station-command.tsx";

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
  const change = async (what: "pause" | "resume"): Promise<void> => {
    close();
    try {
      await api.post(apiPath`devices/${device}/` + what, {});
      answer(what === "pause" ? `${name} is paused.` : `${name} is resumed, and read now.`);
    } catch (error) {
      const { happened, safe, todo } = explain(error, `the ${what} of ${name}`);
      answer(`${happened} ${safe} ${todo}`, "failed");
    }
    onChange();
  };
  return (
    <>
      {mayOperate() && <Menu label={`Commands to ${name}`} button="⋯" items={items} />}
      {open === "revert" && (
        <CommandDialog
          title={
            <>
              Revert <Name text={name} />
            </>
          }
          onClose={close}
        >
          {(send) => (
            <SendForm
              action="Revert the device"
              onClose={close}
              onSend={() => send({ action: "revert", device })}
            >
              <p class="effect">
                Every limit that this bridge holds in <Name text={name} /> is cleared, and its writable points
                with a Starting Value go back to it. Limits of others stay.
              </p>
            </SendForm>
          )}
        </CommandDialog>
      )}
      {open === "pause" && (
        <Confirm title="Pause" action="Pause" onConfirm={() => void change("pause")} onClose={close}>
          <p>
            The bridge leaves <Name text={name} /> alone: it is neither read nor written until somebody
            resumes it. The station charges as before. A limit that the bridge holds there has to be cleared
            first.
          </p>
        </Confirm>
      )}
      {open === "resume" && (
        <Confirm title="Resume" action="Resume" onConfirm={() => void change("resume")} onClose={close}>
          <p>
            <Name text={name} /> is read at once, and takes commands again.
          </p>
        </Confirm>
      )}
    </>
  );
}
