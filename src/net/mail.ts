import { readFileSync } from "node:fs";

/** Where mail is sent from: a server (SMTP) and the sender's address. */
export interface MailServer {
  readonly host: string;
  /** Default: 587 with STARTTLS, 465 with TLS, 25 without. */
  readonly port?: number | undefined;
  readonly tls: "starttls" | "tls" | "none";
  /** PEM file of the authority that signed the server's certificate. */
  readonly ca?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly from: string;
}

export interface Mail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html?: string | undefined;
  readonly attachments?: readonly MailAttachment[] | undefined;
  /** Message-ID; the same one lets mailboxes recognize a message that is sent again. */
  readonly id?: string | undefined;
}

export interface MailAttachment {
  readonly filename: string;
  readonly content: string | Buffer;
  readonly contentType?: string | undefined;
}

/** A recipient that the server refused, while it took the message for others. */
export interface RefusedRecipient {
  readonly address: string;
  /** The server's words. */
  readonly reason: string;
  /** Whether another attempt would be refused too. */
  readonly permanent: boolean;
}

/** A mail that was not sent. The message says what is wrong and what to do. */
export class MailError extends Error {
  override readonly name = "MailError";
  /** Whether another attempt with these settings would fail too. */
  readonly permanent: boolean;

  constructor(message: string, permanent: boolean, cause?: unknown) {
    super(message, { cause });
    this.permanent = permanent;
  }
}

/** Maximum duration of sending one mail, in milliseconds. */
const SEND_TIMEOUT_MS = 60_000;
/** Maximum time until the server answers a connection, and between two answers, in milliseconds. */
const ANSWER_TIMEOUT_MS = 20_000;

const PORTS = { starttls: 587, tls: 465, none: 25 };

/** Sends mail by one server, over a connection for each message. */
export class Mailer {
  readonly #server: MailServer;

  constructor(server: MailServer) {
    this.#server = server;
  }

  /**
   * Sends a mail. Returns the recipients that the server refused; where it refused all, the mail is not sent.
   *
   * @throws MailError
   */
  async send(
    { to, subject, text, html, attachments, id }: Mail,
    signal?: AbortSignal,
  ): Promise<readonly RefusedRecipient[]> {
    const { host, tls, username, password, from } = this.#server;
    const { port = PORTS[tls] } = this.#server;
    const timeout = AbortSignal.timeout(SEND_TIMEOUT_MS);
    // Loaded with the first mail: most bridges send none.
    const { createTransport } = await import("nodemailer");
    const transport = createTransport({
      host,
      port,
      secure: tls === "tls",
      requireTLS: tls === "starttls",
      ignoreTLS: tls === "none",
      auth: username === undefined ? undefined : { user: username, pass: password },
      tls: { ca: this.#authority(), rejectUnauthorized: true },
      connectionTimeout: ANSWER_TIMEOUT_MS,
      greetingTimeout: ANSWER_TIMEOUT_MS,
      socketTimeout: ANSWER_TIMEOUT_MS,
      dnsTimeout: ANSWER_TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      const sent = await transport.sendMail({
        from,
        to: [...to],
        subject,
        text,
        html,
        attachments: attachments?.map((attachment) => ({ ...attachment })),
        messageId: id,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      return (sent.rejectedErrors ?? []).map(refusal);
    } catch (error) {
      signal?.throwIfAborted();
      throw mailError(error as SmtpError, `${host}:${port}`, tls, timeout.aborted);
    } finally {
      transport.close();
    }
  }

  #authority(): Buffer | undefined {
    const { ca } = this.#server;
    if (ca === undefined) return undefined;
    try {
      return readFileSync(ca);
    } catch (cause) {
      throw new MailError(`cannot read mail.ca ${ca}: ${(cause as Error).message}`, false, cause);
    }
  }
}

/** What nodemailer adds to its errors. */
interface SmtpError extends Error {
  readonly code?: string;
  readonly originalCode?: string;
  readonly command?: string;
  readonly response?: string;
  readonly responseCode?: number;
  readonly recipient?: string;
  readonly rejectedErrors?: readonly SmtpError[];
}

function refusal(error: SmtpError): RefusedRecipient {
  return {
    address: error.recipient ?? "",
    reason: error.response ?? error.message,
    permanent: (error.responseCode ?? 0) >= 500,
  };
}

const CERTIFICATE = /certificate|altname|self.signed|issuer/i;

function mailError(error: SmtpError, server: string, tls: MailServer["tls"], late: boolean): MailError {
  const { code = "", originalCode = code, responseCode = 0 } = error;
  const answer = error.response ?? error.message;
  const make = (message: string, permanent: boolean) => new MailError(message, permanent, error);
  if (late) return make(`the mail server ${server} took longer than ${SEND_TIMEOUT_MS / 1000} s`, false);
  if (error.rejectedErrors?.length) {
    const refused = error.rejectedErrors.map(refusal);
    const permanent = refused.every((one) => one.permanent);
    const list = refused.map(({ address, reason }) => `${address} (${reason})`).join(", ");
    const advice = permanent ? "Check the addresses." : "This is temporary; try again later.";
    return make(`the mail server ${server} refused every recipient: ${list}. ${advice}`, permanent);
  }
  if (code === "EAUTH" || code === "ENOAUTH")
    return responseCode >= 400 && responseCode < 500
      ? make(`the mail server ${server} cannot check the login now: ${answer}. Try again later.`, false)
      : make(
          `the mail server ${server} refused the login: ${answer}. Check mail.username and mail.password.`,
          true,
        );
  if (code === "ETLS" || CERTIFICATE.test(error.message))
    return make(
      CERTIFICATE.test(error.message)
        ? `the certificate of the mail server ${server} is not trusted: ${error.message}. Write its name as mail.host, and the file of its authority as mail.ca.`
        : `no encryption with the mail server ${server}: ${answer}. mail.tls is "${tls}"; does the server offer that on this port?`,
      true,
    );
  if (/wrong version number|packet length|SSL routines/i.test(error.message))
    return make(
      `no encryption with the mail server ${server}: ${error.message}. mail.tls is "${tls}"; does the server offer that on this port?`,
      true,
    );
  if (responseCode >= 400)
    return responseCode >= 500 && responseCode !== 503
      ? make(`the mail server ${server} refused the mail: ${answer}`, true)
      : make(`the mail server ${server} does not take the mail now: ${answer}. Try again later.`, false);
  switch (originalCode) {
    case "ECONNREFUSED":
      return make(
        `cannot connect to the mail server ${server}: connection refused. Is it running? Check mail.host and mail.port.`,
        false,
      );
    case "EDNS":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return make(`cannot find the mail server ${server}: ${error.message}. Check mail.host.`, false);
    case "ETIMEDOUT":
      return make(
        `the mail server ${server} does not answer. mail.tls is "${tls}"; does the server offer that on this port?`,
        false,
      );
    default:
      return make(`cannot send by the mail server ${server}: ${answer}`, false);
  }
}
