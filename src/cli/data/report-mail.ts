import { MAIL_ADDRESS } from "../../config/bridge/mail-schema.ts";
import type { MailSettings } from "../../config/index.ts";
import { type MailAttachment, MailError, Mailer } from "../../net/mail.ts";
import { type FleetReport, reportMail } from "../../reports/index.ts";
import { loadSettings } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { formatBytes, MEGABYTE } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Maximum size of all attachments: mail encodes them a third longer, and common servers refuse more than 25 MB. */
const MAX_ATTACHMENT_BYTES = 18 * MEGABYTE;

const ADDRESS = new RegExp(MAIL_ADDRESS.pattern);

/** Where reports are sent to, and by which server. */
export interface ReportRecipients {
  readonly addresses: readonly string[];
  readonly mailer: Mailer;
  /** Name of the bridge. */
  readonly instance: string;
}

/**
 * Checks the addresses and reads the mail server's settings from the bridge config.
 * @throws CommandError when an address is none, or the config has no mail server
 */
export function reportRecipients(
  addresses: readonly string[],
  config: string | undefined,
  terminal: Terminal,
): ReportRecipients {
  const wrong = addresses.find((address) => !ADDRESS.test(address));
  if (wrong !== undefined)
    throw new CommandError(`--mail: expected ${MAIL_ADDRESS["x-expected"]}, found "${wrong}"`, EXIT.usage);
  const { settings } = loadSettings({ config, secrets: terminal.secrets, env: terminal.env });
  return {
    addresses: [...new Set(addresses)],
    mailer: new Mailer(mailServer(settings.mail)),
    instance: settings.instance,
  };
}

function mailServer({ host, from, ...settings }: MailSettings) {
  if (host === undefined || from === undefined)
    throw new CommandError(
      "--mail needs a mail server: set mail.host and mail.from in the bridge config",
      EXIT.configuration,
    );
  return { ...settings, host, from };
}

/**
 * Sends a report with its files.
 * @throws CommandError when they are too large, or the server does not take the mail for every recipient
 */
export async function mailReport(
  report: FleetReport,
  attachments: readonly MailAttachment[],
  { addresses, mailer, instance }: ReportRecipients,
  terminal: Terminal,
): Promise<void> {
  checkSize(attachments);
  const mail = { ...reportMail(report, instance), to: addresses, attachments };
  const refused = await mailer.send(mail, terminal.ending).catch((error: unknown) => {
    if (!(error instanceof MailError)) throw error;
    // A service manager tries again after `failed` only.
    const code = error.permanent ? EXIT.configuration : EXIT.failed;
    throw new CommandError(`the report was not sent: ${error.message}`, code, { cause: error });
  });
  const taken = addresses.filter((address) => !refused.some((one) => one.address === address));
  terminal.err(`sent to ${taken.join(", ")}\n`);
  if (refused.length === 0) return;
  const list = refused.map(({ address, reason }) => `${address} (${reason})`).join(", ");
  // Another attempt would send it to the others again.
  throw new CommandError(`the mail server refused ${list}; check the addresses`, EXIT.configuration);
}

/** @throws CommandError when attachments are larger than mail servers take */
export function checkSize(attachments: readonly MailAttachment[]): void {
  const bytes = attachments.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  if (bytes <= MAX_ATTACHMENT_BYTES) return;
  throw new CommandError(
    `the report has ${formatBytes(bytes)}, more than mail servers take (${formatBytes(MAX_ATTACHMENT_BYTES)}); leave parts out with --without, choose a shorter period, or write it with --out`,
    EXIT.usage,
  );
}
