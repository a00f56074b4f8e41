import { MailError, type Mailer } from "../../net/mail.ts";
import { mailText } from "../texts.ts";
import { type Outgoing, type Target, TargetError } from "./target.ts";

const GATHER_MS = 60_000;
/** Maximum number of alerts in a mail. */
const MOST_TOGETHER = 100;
const SUBJECT_LENGTH = 150;

export interface MailTargetOptions {
  readonly mailer: Mailer;
  readonly to: readonly string[];
  readonly from: string;
  readonly instance: string;
}

/** Sends what was raised and cleared within a minute as one mail. */
export class MailTarget implements Target {
  readonly gatherMs = GATHER_MS;
  readonly mostTogether = MOST_TOGETHER;
  readonly #options: MailTargetOptions;

  constructor(options: MailTargetOptions) {
    this.#options = options;
  }

  async send(messages: readonly Outgoing[], signal: AbortSignal): Promise<string | undefined> {
    const { mailer, to, from, instance } = this.#options;
    const host = from.slice(from.indexOf("@") + 1);
    try {
      const refused = await mailer.send(
        {
          to,
          subject: `[${instance}] ${subjectOf(messages)}`.slice(0, SUBJECT_LENGTH),
          text: `${messages.map(({ message }) => mailText(message)).join("\n\n")}\n`,
          id: `<${messages[0]?.id ?? ""}@${host}>`,
        },
        signal,
      );
      if (refused.length === 0) return undefined;
      return `refused: ${refused.map(({ address, reason }) => `${address} (${reason})`).join(", ")}`;
    } catch (error) {
      // A login or an address can be corrected: only this mail would be lost by giving up.
      if (error instanceof MailError) throw new TargetError(error.message, false, 0, error);
      throw error;
    }
  }
}

function subjectOf(messages: readonly Outgoing[]): string {
  const [first] = messages;
  if (messages.length === 1 && first) {
    const { state, severity, text } = first.message;
    return state === "cleared" ? `Cleared: ${text.replace(/^over: /, "")}` : `${severity}: ${text}`;
  }
  const raised = messages.filter(({ message }) => message.state === "raised").length;
  const cleared = messages.length - raised;
  const parts = [raised > 0 ? `${raised} raised` : "", cleared > 0 ? `${cleared} cleared` : ""].filter(
    Boolean,
  );
  const grave = messages.some(({ message }) => message.severity === "critical" && message.state === "raised");
  return `${grave ? "critical: " : ""}${messages.length} alerts: ${parts.join(", ")}`;
}
