import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MailError, Mailer, type MailServer } from "../../src/net/mail.ts";
import { MailServerDouble } from "../helpers/mail-server.ts";
import { makeCertificates } from "../helpers/mosquitto.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "voltbridge-mail-"));
  makeCertificates(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

let server: MailServerDouble | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const PASSWORD = "s3cret-of-mail";
const certificate = () => ({
  key: readFileSync(join(folder, "server.key")),
  cert: readFileSync(join(folder, "server.pem")),
});
const login = {
  onAuth: (
    auth: { username?: string | undefined; password?: string | null | undefined },
    _session: unknown,
    done: (error: Error | null, answer?: { user: string }) => void,
  ) =>
    auth.username === "bridge" && auth.password === PASSWORD
      ? done(null, { user: auth.username })
      : done(Object.assign(new Error("bad user name or password"), { responseCode: 535 })),
};

async function started(
  double: MailServerDouble,
  settings: Partial<MailServer>,
): Promise<{ mailer: Mailer; double: MailServerDouble }> {
  server = double;
  const port = await double.listen();
  const base = { host: "127.0.0.1", port, tls: "none", from: "bridge@example.com" } as const;
  return { mailer: new Mailer({ ...base, ...settings }), double };
}

const MAIL = { to: ["ann@example.com"], subject: "Grüße from the garage", text: "Station 1 is away.\n" };
const failure = (sending: Promise<unknown>): Promise<MailError> =>
  sending.then(
    () => expect.fail("was sent"),
    (error: unknown) => {
      expect(error).toBeInstanceOf(MailError);
      return error as MailError;
    },
  );

describe("the mailer", () => {
  test("logs in after STARTTLS and sends text, HTML and attachments", async () => {
    const { mailer, double } = await started(new MailServerDouble({ ...certificate(), ...login }), {
      tls: "starttls",
      ca: join(folder, "ca.pem"),
      username: "bridge",
      password: PASSWORD,
    });
    const attachments = [{ filename: "report.csv", content: "a,b\n1,2\n", contentType: "text/csv" }];
    const refused = await mailer.send({ ...MAIL, html: "<p>away</p>", attachments, id: "<1@example.com>" });
    expect(refused).toEqual([]);
    expect(double.received).toMatchObject([{ to: ["ann@example.com"], encrypted: true, user: "bridge" }]);
    const source = double.received[0]?.source;
    expect(source).toMatch(/^Message-ID: <1@example\.com>$/im);
    expect(source).toMatch(/^From: bridge@example\.com$/m);
    expect(source).toContain("Station 1 is away.");
    expect(source).toContain("<p>away</p>");
    expect(source).toMatch(/filename=report\.csv/);
  });

  test("speaks TLS from the first byte", async () => {
    const secure = { ...certificate(), secure: true, authOptional: true };
    const { mailer, double } = await started(new MailServerDouble(secure), {
      tls: "tls",
      ca: join(folder, "ca.pem"),
    });
    await mailer.send(MAIL);
    expect(double.received).toMatchObject([{ encrypted: true, user: undefined }]);
  });

  test("sends nothing to a server whose certificate it does not trust, or that offers no encryption", async () => {
    const optional = { ...certificate(), authOptional: true };
    const first = await started(new MailServerDouble(optional), { tls: "starttls" });
    const untrusted = await failure(first.mailer.send(MAIL));
    expect(untrusted.message).toMatch(
      /certificate of the mail server 127\.0\.0\.1:\d+ is not trusted.*mail\.ca/,
    );
    expect(first.double.received).toEqual([]);
    await first.double.close();

    const second = await started(new MailServerDouble(), { tls: "starttls" });
    const plain = await failure(second.mailer.send(MAIL));
    expect(plain).toMatchObject({ permanent: true });
    expect(plain.message).toMatch(/no encryption.*mail\.tls is "starttls"/);
    expect(second.double.received).toEqual([]);
  });

  test("says what to do when the login is refused, and does not show the password", async () => {
    const { mailer } = await started(new MailServerDouble({ ...certificate(), ...login }), {
      tls: "starttls",
      ca: join(folder, "ca.pem"),
      username: "bridge",
      password: "wr0ng-password",
    });
    const error = await failure(mailer.send(MAIL));
    expect(error).toMatchObject({ permanent: true });
    expect(error.message).toMatch(/refused the login: 535 .*mail\.username and mail\.password/);
    expect(error.message).not.toContain("wr0ng-password");
  });

  test("tells refused recipients apart: for good, for now, some of them", async () => {
    const { mailer, double } = await started(
      new MailServerDouble(undefined, (address) =>
        address.startsWith("gone")
          ? { code: 550, text: "no such user" }
          : address.startsWith("busy")
            ? { code: 450, text: "mailbox busy" }
            : undefined,
      ),
      {},
    );
    const gone = await failure(mailer.send({ ...MAIL, to: ["gone@example.com"] }));
    expect(gone.permanent).toBe(true);
    expect(gone.message).toMatch(/gone@example\.com \(550 .*no such user\).*Check the addresses/);
    const busy = await failure(mailer.send({ ...MAIL, to: ["busy@example.com"] }));
    expect(busy.permanent).toBe(false);
    expect(busy.message).toMatch(/busy@example\.com \(450 .*try again later/);
    const refused = await mailer.send({ ...MAIL, to: ["ann@example.com", "gone@example.com"] });
    expect(refused).toMatchObject([{ address: "gone@example.com", permanent: true }]);
    expect(double.received.map(({ to }) => to)).toEqual([["ann@example.com"]]);
  });

  test("a server that is away or has the wrong port is no permanent failure", async () => {
    const mute: Server = createServer();
    const port = await new Promise<number>((resolve) =>
      mute.listen(0, "127.0.0.1", () => resolve((mute.address() as { port: number }).port)),
    );
    const aborted = new AbortController();
    const mailer = new Mailer({ host: "127.0.0.1", port, tls: "none", from: "bridge@example.com" });
    const connected = new Promise<void>((resolve) => mute.once("connection", () => resolve()));
    const hanging = mailer.send(MAIL, aborted.signal);
    await connected;
    aborted.abort(new Error("the bridge stops"));
    await expect(hanging).rejects.toThrow("the bridge stops");
    await new Promise((resolve) => mute.close(resolve));

    const refused = await failure(mailer.send(MAIL));
    expect(refused.permanent).toBe(false);
    expect(refused.message).toMatch(/connection refused.*Check mail\.host and mail\.port/);
  });
});
