import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

/** A message as the server received it. */
export interface ReceivedMail {
  readonly to: readonly string[];
  readonly source: string;
  readonly encrypted: boolean;
  readonly user: string | undefined;
}

/** A mail server on a free port of 127.0.0.1 that keeps what it receives. */
export class MailServerDouble {
  readonly received: ReceivedMail[] = [];
  readonly #server: SMTPServer;

  /** By default without TLS and logins; `refuse` returns the answer's code and text for recipients that it does not take. */
  constructor(
    options: SMTPServerOptions = { disabledCommands: ["STARTTLS"], authOptional: true },
    refuse: (address: string) => { code: number; text: string } | undefined = () => undefined,
  ) {
    this.#server = new SMTPServer({
      disableReverseLookup: true,
      closeTimeout: 1000,
      ...options,
      onRcptTo({ address }, _session, done) {
        const refused = refuse(address);
        if (!refused) return done();
        done(Object.assign(new Error(refused.text), { responseCode: refused.code }));
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          this.received.push({
            to: session.envelope.rcptTo.map(({ address }) => address),
            source: Buffer.concat(chunks).toString(),
            encrypted: session.secure === true,
            user: session.user === undefined ? undefined : String(session.user),
          });
          done();
        });
      },
    });
    // Connections that a client ends in the middle of a handshake are part of the tests.
    this.#server.on("error", () => {});
  }

  async listen(port = 0): Promise<number> {
    const server = this.#server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
