import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { ServerProcess } from "./server-process.ts";

/** Debian keeps the broker where an ordinary user's PATH does not look. */
const FOLDERS = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

export const mosquittoInstalled = findProgram("mosquitto") !== undefined;

export interface MosquittoOptions {
  /** Further lines of its config file. */
  readonly config?: readonly string[];
  /** Names and passwords of those who may log in; absent: anybody may. */
  readonly users?: Readonly<Record<string, string>>;
  /** Lines of an ACL file. */
  readonly acl?: readonly string[];
  readonly tls?: "server" | "client-certificate";
}

/** A real broker on a free port of 127.0.0.1, with a folder of its own. */
export class Mosquitto {
  readonly port: number;
  readonly folder: string;
  readonly url: string;
  readonly #server = new ServerProcess();

  private constructor(port: number, folder: string, tls: boolean) {
    this.port = port;
    this.folder = folder;
    this.url = `${tls ? "mqtts" : "mqtt"}://127.0.0.1:${port}`;
  }

  /** Makes the folder and the config, and starts. */
  static async run(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const broker = await Mosquitto.prepare(options);
    await broker.start();
    return broker;
  }

  /** Everything but the start. */
  static async prepare(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const folder = mkdtempSync(join(tmpdir(), "mosquitto-"));
    const broker = new Mosquitto(await freePort(), folder, options.tls !== undefined);
    const lines = [
      `listener ${broker.port} 127.0.0.1`,
      `allow_anonymous ${options.users === undefined}`,
      "set_tcp_nodelay true",
      "log_dest stdout",
      `persistence_location ${folder}/`,
      ...(process.getuid?.() === 0 ? ["user root"] : []),
      ...(options.config ?? []),
    ];
    if (options.users) {
      const file = join(folder, "passwords");
      writeFileSync(file, "");
      for (const [name, password] of Object.entries(options.users))
        execFileSync(findProgram("mosquitto_passwd")!, ["-b", file, name, password], { stdio: "pipe" });
      lines.push(`password_file ${file}`);
    }
    if (options.acl) {
      writeFileSync(join(folder, "acl"), `${options.acl.join("\n")}\n`);
      lines.push(`acl_file ${join(folder, "acl")}`);
    }
    if (options.tls) {
      makeCertificates(folder);
      lines.push(`cafile ${join(folder, "ca.pem")}`, `certfile ${join(folder, "server.pem")}`);
      lines.push(`keyfile ${join(folder, "server.key")}`);
      if (options.tls === "client-certificate") lines.push("require_certificate true");
    }
    writeFileSync(join(folder, "mosquitto.conf"), `${lines.join("\n")}\n`);
    return broker;
  }

  async start(): Promise<void> {
    await this.#server.start({
      program: findProgram("mosquitto")!,
      args: ["-c", join(this.folder, "mosquitto.conf")],
      answers: () => listens(this.port),
      deadlineMs: 5000,
    });
  }

  /** Ends it as an operator would (TERM). */
  stop(): Promise<void> {
    return this.#server.end("SIGTERM");
  }

  kill(): Promise<void> {
    return this.#server.kill();
  }

  /** It keeps its connections and does nothing. */
  pause(): void {
    this.#server.pause();
  }

  resume(): void {
    this.#server.resume();
  }

  async dispose(): Promise<void> {
    this.resume();
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const taken = new Set<number>();

/** Returns a free port below those that the system gives away by itself, another one at each call. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (taken.has(port)) continue;
    taken.add(port);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = createConnection({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A CA (`ca.pem`), a server certificate for 127.0.0.1, a client certificate, and a CA that signed none of them. */
export function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  for (const name of ["ca", "other-ca"])
    openssl("req", "-x509", ...key, "-keyout", `${name}.key`, "-out", `${name}.pem`, "-subj", `/CN=${name}`);
  writeFileSync(join(folder, "server.ext"), "subjectAltName=IP:127.0.0.1\n");
  writeFileSync(join(folder, "client.ext"), "extendedKeyUsage=clientAuth\n");
  for (const name of ["server", "client"]) {
    openssl(
      "req",
      ...key.slice(0, 5),
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      `/CN=${name}`,
    );
    openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-out", `${name}.pem`, "-days", "2", "-extfile", `${name}.ext`],
    );
  }
}
