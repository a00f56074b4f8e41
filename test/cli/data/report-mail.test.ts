import { existsSync, readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { checkSize } from "../../../src/cli/data/report-mail.ts";
import { type EconnectSimulator, startEconnectSimulator } from "../../../src/simulator/econnect/simulator.ts";
import { MailServerDouble, type ReceivedMail } from "../../helpers/mail-server.ts";
import { readWorkbook } from "../../reports/read-workbook.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

let econnect: EconnectSimulator;
let env: Record<string, string>;
let server: MailServerDouble;
let config: string;
const place = new Workplace();

beforeAll(async () => {
  econnect = await startEconnectSimulator({ stations: 20 });
  server = new MailServerDouble(undefined, (address) =>
    address.startsWith("gone") ? { code: 550, text: "no such mailbox" } : undefined,
  );
  const port = await server.listen();
  config = place.write("configs/bridge.json", {
    instance: "garages-north",
    mail: { host: "127.0.0.1", port, tls: "none", from: "bridge@example.com" },
  });
  env = {
    ECONNECT_ENDPOINT: econnect.endpoint,
    ECONNECT_USERNAME: econnect.username,
    ECONNECT_PASSWORD: econnect.password,
    ECONNECT_BUSINESS_PARTNER: econnect.businessPartner,
  };
});
afterEach(() => void server.received.splice(0));
afterAll(async () => {
  await server.close();
  await econnect.close();
  place.remove();
});

const report = (...args: string[]) =>
  cli(["report", "fleet", "--source", "econnect", "--config", config, ...args], env);
const PERIOD = ["--from", "2026-11-23", "--to", "2026-11-30", "--tz", "Europe/Berlin"];

/** Contents of a message's parts by their content type. */
function partsOf({ source }: ReceivedMail): Map<string, Buffer> {
  const parts = new Map<string, Buffer>();
  for (const part of source.split(/\r\n--[^\r\n]+(?:\r\n|$)/)) {
    const [head = "", ...rest] = part.split("\r\n\r\n");
    const type = /^content-type:\s+([^;\s]+)/im.exec(head)?.[1];
    const body = rest.join("\r\n\r\n");
    if (type === undefined || type.startsWith("multipart/")) continue;
    parts.set(
      type,
      /^content-transfer-encoding: base64/im.test(head) ? Buffer.from(body, "base64") : unquoted(body),
    );
  }
  return parts;
}

function unquoted(text: string): Buffer {
  const bytes = text
    .replace(/=\r\n/g, "")
    .replace(/=([\dA-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1");
}

describe("voltbridge report fleet --mail", () => {
  test("sends the workbook to every address, with the summary as text and as HTML", async () => {
    const { code, stdout, stderr } = await report(...PERIOD, "--mail", "a@example.com", "b@example.com");
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("sent to a@example.com, b@example.com\n");
    expect(server.received).toHaveLength(1);
    const [mail] = server.received;
    expect(mail!.to).toEqual(["a@example.com", "b@example.com"]);
    const head = mail!.source.replace(/\r\n\s+/g, " ");
    expect(head).toMatch(/^Subject: Fleet report: garages-north, 23 November 2026 to 29 November 2026$/im);
    expect(mail!.source).toContain("filename=fleet-report-2026-11-23-to-2026-11-29.xlsx");
    const parts = partsOf(mail!);
    const text = parts.get("text/plain")!.toString();
    expect(text).toContain("Times are in Europe/Berlin.");
    expect(text).toContain("Stations: 20\r\n");
    const inService = econnect.stations.filter(({ state }) => state !== "planned");
    const operational = inService.filter(({ state }) => state === "operational");
    expect(text).toContain(
      `(${operational.length} of ${inService.length} stations in service are operational now)`,
    );
    expect(text).toMatch(/^Left out: .*the eConnect Masterdata API provides stations only/m);
    expect(parts.get("text/html")!.toString()).toContain("<td");
    const workbook = [...parts].find(([type]) => type.includes("spreadsheetml"))![1];
    const book = readWorkbook(workbook);
    expect(book[0]!.name).toBe("Summary");
    expect(book[1]!.rows).toHaveLength(21);
  });

  test("with --out it is written too; with another format that is attached", async () => {
    const file = place.at("report.html");
    const { code, stdout } = await report("--out", file, "--mail", "a@example.com");
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${file}\n` });
    expect(existsSync(file)).toBe(true);
    const parts = server.received.map(partsOf)[0]!;
    // The text's HTML is followed by the attachment's, which is the file.
    expect(parts.get("text/html")!.toString().trimEnd()).toBe(readFileSync(file, "utf8").trimEnd());
  });

  test("an address that the server refuses is named, and the others have the mail", async () => {
    const { code, stderr } = await report("--mail", "a@example.com", "gone@example.com");
    // A service manager does not try this again: the others would have it twice.
    expect(code).toBe(78);
    expect(stderr).toContain("sent to a@example.com\n");
    expect(stderr).toContain("refused gone@example.com (550 no such mailbox)");
    expect(server.received).toHaveLength(1);
  });

  test("what cannot work is said before anything is read", async () => {
    const { length } = econnect.calls;
    expect(await report("--mail", "nobody")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected a mail address, e.g. operator@example.com, found "nobody"'),
    });
    const without = place.write("other/bridge.json", {});
    const unset = await cli(["report", "fleet", "--mail", "a@example.com", "--config", without], env);
    expect(unset).toMatchObject({ code: 78, stderr: expect.stringContaining("set mail.host and mail.from") });
    expect(econnect.calls.length).toBe(length);
  });

  test("a server that is away is named, with what to check", async () => {
    const away = place.write("away/bridge.json", {
      mail: { host: "127.0.0.1", port: 9, tls: "none", from: "bridge@example.com" },
    });
    const { code, stderr } = await cli(
      ["report", "fleet", "--source", "econnect", "--config", away, "--mail", "a@example.com"],
      env,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/the report was not sent: cannot connect to the mail server 127\.0\.0\.1:9/);
  });

  test("files that mail servers do not take are refused, with their size", () => {
    const file = (megabytes: number) => ({
      filename: "r.xlsx",
      content: Buffer.alloc(megabytes * 1024 ** 2),
    });
    expect(() => checkSize([file(9), file(9)])).not.toThrow();
    expect(() => checkSize([file(9), file(10)])).toThrow(
      /the report has 19\.0 MB, .* \(18\.0 MB\); .*--without/,
    );
  });
});
