import { execFileSync, type SpawnOptions } from "node:child_process";
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "./mosquitto.ts";
import { postgresPrograms } from "./postgres-programs.ts";
import { ServerProcess } from "./server-process.ts";

export interface PostgresOptions {
  /** Further settings of the server, e.g. `max_connections=5`. */
  readonly settings?: readonly string[];
}

/** The superuser of every server here. */
export const POSTGRES_USER = "owner";
export const POSTGRES_PASSWORD = "canary-pässwörd:@/";

/** A real PostgreSQL on a free port of 127.0.0.1, with a folder of its own. Not for tests of durability: fsync is off. */
export class Postgres {
  readonly port: number;
  readonly folder: string;
  readonly #settings: readonly string[];
  readonly #server = new ServerProcess("SIGQUIT");

  private constructor(port: number, folder: string, settings: readonly string[]) {
    this.port = port;
    this.folder = folder;
    this.#settings = settings;
  }

  /** Makes the cluster and starts. */
  static async run(options: PostgresOptions = {}): Promise<Postgres> {
    const server = await Postgres.prepare(options);
    await server.start();
    return server;
  }

  /** Everything but the start. */
  static async prepare({ settings = [] }: PostgresOptions = {}): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), "postgres-"));
    const { uid, gid } = owner();
    if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
    const passwordFile = join(folder, "password");
    writeFileSync(passwordFile, POSTGRES_PASSWORD, { mode: 0o644 });
    execFileSync(
      program("initdb"),
      [
        ...["--pgdata", join(folder, "data"), "--username", POSTGRES_USER, "--pwfile", passwordFile],
        ...["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"],
      ],
      { stdio: "pipe", cwd: folder, uid, gid },
    );
    return new Postgres(await freePort(), folder, settings);
  }

  async start(): Promise<void> {
    const settings = [
      ...["listen_addresses=127.0.0.1", `port=${this.port}`, `unix_socket_directories=${this.folder}`],
      ...["fsync=off", "shared_buffers=16MB", "max_connections=30", "autovacuum=off"],
      ...this.#settings,
    ];
    await this.#server.start({
      program: program("postgres"),
      args: ["-D", join(this.folder, "data"), ...settings.flatMap((setting) => ["-c", setting])],
      options: { cwd: this.folder, ...owner() },
      answers: () => this.#answers(),
      deadlineMs: 10_000,
    });
  }

  /** Runs statements as the superuser, on a connection of its own. */
  async sql(text: string, database = "postgres"): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({
      ...{ host: "127.0.0.1", port: this.port, database },
      ...{ user: POSTGRES_USER, password: POSTGRES_PASSWORD },
    });
    client.on("error", () => undefined);
    await client.connect();
    try {
      const result = await client.query(text);
      return (Array.isArray(result) ? result.at(-1) : result).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends it at once, connections and all, as an operator would in a hurry (fast shutdown). */
  stop(): Promise<void> {
    return this.#server.end("SIGINT");
  }

  /** Ends the server and its processes without a last word. */
  kill(): Promise<void> {
    return this.#server.kill();
  }

  /** Every process of it keeps its connections and does nothing. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  async dispose(): Promise<void> {
    this.resume();
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** To the server and its children. */
  #signal(signal: NodeJS.Signals): void {
    const server = this.#server.pid;
    if (server === undefined) return;
    const children = readFileSync(`/proc/${server}/task/${server}/children`, "utf8");
    for (const pid of [server, ...children.split(" ").filter(Boolean).map(Number)])
      try {
        process.kill(pid, signal);
      } catch (error) {
        // A child may have ended just now.
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
  }

  async #answers(): Promise<boolean> {
    try {
      await this.sql("SELECT 1");
      return true;
    } catch {
      return false;
    }
  }
}

function program(name: string): string {
  return join(postgresPrograms()!, name);
}

/** The server's programs refuse to run as root; Debian's package makes a user for them. */
function owner(): Pick<SpawnOptions, "uid" | "gid"> {
  if (process.getuid?.() !== 0) return {};
  const [, , uid, gid] = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((line) => line.startsWith("postgres:"))!
    .split(":");
  return { uid: Number(uid), gid: Number(gid) };
}
