import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";
import { connect, GOOD, serve, xml } from "./service.ts";

const folder = mkdtempSync(join(tmpdir(), "voltbridge-tls-"));
afterAll(() => rmSync(folder, { recursive: true }));

const openssl = (...args: string[]): void => {
  execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
};
const available = (() => {
  try {
    openssl("version");
    return true;
  } catch {
    return false;
  }
})();

/** A self-signed certificate with its key, valid between two moments (YYYYMMDDHHMMSSZ). */
function certificate(name: string, host: string, from: string, until: string): { key: Buffer; cert: Buffer } {
  const own = (file: string): string => `${name}.${file}`;
  writeFileSync(
    join(folder, own("cnf")),
    [
      "[req]\ndistinguished_name=dn\nprompt=no\n[dn]",
      `CN=${host}`,
      `[ca]\ndefault_ca=own\n[own]\ndatabase=${own("db")}\nserial=${own("srl")}\nnew_certs_dir=.\ndefault_md=sha256`,
      `policy=any\n[any]\ncommonName=supplied\n[ext]\nsubjectAltName=DNS:${host}\nbasicConstraints=CA:TRUE\n`,
    ].join("\n"),
  );
  writeFileSync(join(folder, own("db")), "");
  writeFileSync(join(folder, own("srl")), "01");
  const config = ["-config", own("cnf")];
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", own("key"));
  openssl("req", "-new", ...config, "-key", own("key"), "-out", own("csr"));
  const dates = ["-startdate", from, "-enddate", until];
  const signed = [
    "-selfsign",
    "-batch",
    "-notext",
    "-keyfile",
    own("key"),
    "-in",
    own("csr"),
    "-out",
    own("crt"),
  ];
  openssl("ca", ...config, "-extensions", "ext", ...dates, ...signed);
  return { key: readFileSync(join(folder, own("key"))), cert: readFileSync(join(folder, own("crt"))) };
}

describe.skipIf(!available)("C13: TLS", () => {
  const { getLoad } = operations;
  const make = (name: string, host = "localhost", until = "20991231000000Z") =>
    certificate(name, host, "20200101000000Z", until);

  const attempt = async (tls: object, ca?: Buffer) => {
    const service = await serve((response) => xml(response, GOOD), tls);
    const { client } = connect(service.endpoint, { retries: 2, ...(ca ? { ca } : {}) });
    const result = await client.call(getLoad, { searchQuery: { stationID: "1:2" } }).catch((error) => error);
    return { service, result };
  };

  it("a trusted certificate is accepted, and its connection kept", async () => {
    const pair = make("good");
    const { service, result } = await attempt(pair, pair.cert);
    expect(result).toMatchObject({ responseCode: "100" });
    expect(service.connections()).toBe(1);
  });

  it.each([
    ["an unknown authority", "DEPTH_ZERO_SELF_SIGNED_CERT", () => [make("unknown"), undefined] as const],
    [
      "another host's name",
      "ERR_TLS_CERT_ALTNAME_INVALID",
      () => {
        const pair = make("host", "elsewhere.example");
        return [pair, pair.cert] as const;
      },
    ],
    [
      "an expired certificate",
      "CERT_HAS_EXPIRED",
      () => {
        const pair = make("expired", "localhost", "20200102000000Z");
        return [pair, pair.cert] as const;
      },
    ],
  ])("%s is refused at once, and nothing sent", async (_what, code, pair) => {
    const [tls, ca] = pair();
    const { service, result } = await attempt(tls, ca);
    expect(result).toMatchObject({ name: "TransportError", code, sent: false, retryable: false });
    expect(result.message).toMatch(/certificate/);
    expect(service.connections()).toBe(1);
    expect(service.received).toHaveLength(0);
  });

  it("TLS 1.1 is refused, and nothing sent", async () => {
    const pair = make("old");
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
    const { service, result } = await attempt({ ...pair, ...old }, pair.cert);
    expect(result).toMatchObject({ name: "TransportError", sent: false });
    expect(service.received).toHaveLength(0);
  });

  it("C2: a write whose deadline passed before its connection stood is never sent", async () => {
    const pair = make("late");
    const service = await serve((response) => xml(response, GOOD), pair);
    const { port } = new URL(service.endpoint);
    const released = Promise.withResolvers<void>();
    // Accepts at once, passes on what it got when released.
    const gate = createServer(async (client) => {
      const upstream = createConnection(Number(port), "127.0.0.1");
      for (const socket of [client, upstream]) {
        socket.on("error", () => {});
        onTestFinished(() => void socket.destroy());
      }
      await released.promise;
      client.pipe(upstream).pipe(client);
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void gate.close());
    await once(gate, "listening");
    const held = `https://localhost:${(gate.address() as AddressInfo).port}/`;

    const { client } = connect(held, { ca: pair.cert });
    const shed = client.call(operations.shedLoad, { shedQuery: { timeInterval: 0 } }, { deadlineMs: 100 });
    await expect(shed).rejects.toMatchObject({ timedOut: true, sent: false });
    released.resolve();
    expect((await client.call(getLoad, {})).responseCode).toBe("100");
    expect(service.received.map(({ headers }) => headers.soapaction)).toEqual([
      expect.stringContaining("getLoad"),
    ]);
  });

  it("a redirect to plain HTTP is not followed", async () => {
    const pair = make("redirect");
    const plain = await serve((response) => xml(response, GOOD));
    const service = await serve(
      (response) => response.writeHead(307, { location: plain.endpoint }).end(),
      pair,
    );
    const { client } = connect(service.endpoint, { ca: pair.cert });
    await expect(client.call(getLoad, {})).rejects.toMatchObject({ status: 307, retryable: false });
    expect(plain.received).toHaveLength(0);
  });
});
