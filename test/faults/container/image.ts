import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { dockerIgnore, type Instruction, type Stage } from "../../helpers/dockerfile.ts";
import { findProgram } from "../../helpers/mosquitto.ts";

const MINUTE = 60_000;
const AUTHORITIES = "etc/authorities.pem";

/** What Docker would keep of a stage: its files below `root`, and how a process in them starts. */
export interface Image {
  readonly root: string;
  readonly env: Record<string, string>;
  readonly volumes: readonly string[];
  workdir: string;
  user: string;
  entrypoint: readonly string[];
  cmd: readonly string[];
  health: readonly string[];
}

/** Runs the steps of a Dockerfile, without a container engine: each stage is a Debian root in `folder`, each RUN a chroot into it. */
export function buildImage(
  stages: readonly Stage[],
  context: { readonly folder: string; readonly ignore: string },
  folder: string,
): Image {
  const base = makeBase(join(folder, "base"));
  const built = new Map<string, string>();
  let image: Image | undefined;
  for (const [i, { name, instructions }] of stages.entries()) {
    const root = join(folder, `stage-${i}`);
    // Keeps device files and hard links, which cpSync does not.
    execFileSync("cp", ["--archive", "--reflink=auto", base, root]);
    image = {
      root,
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      volumes: [],
      ...{ workdir: "/", user: "root", entrypoint: [], cmd: [], health: [] },
    };
    for (const instruction of instructions) carryOut(instruction, image, built, context);
    if (name !== undefined) built.set(name, root);
  }
  return image!;
}

/** The image `node:<version>-slim`: Debian without recommended packages, Node, npm and the user `node` (1000). */
function makeBase(root: string): string {
  // `node:<version>-slim` is built on Debian 12.
  run("debootstrap", ["--variant=minbase", "bookworm", root, "http://deb.debian.org/debian"], 5 * MINUTE);
  copyFileSync(process.execPath, join(root, "usr/local/bin/node"));
  const npm = dirname(dirname(realpathSync(findProgram("npm")!)));
  cpSync(npm, join(root, "usr/local/lib/node_modules/npm"), { recursive: true });
  run("chroot", [root, "ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", "/usr/local/bin/npm"]);
  run("chroot", [root, "useradd", "--uid", "1000", "--user-group", "--create-home", "node"]);
  for (const file of ["/etc/resolv.conf", "/etc/hosts"]) copyFileSync(file, join(root, file));
  // The registry of this machine may have a certificate of its own.
  const authorities = process.env.NODE_EXTRA_CA_CERTS;
  if (authorities !== undefined) copyFileSync(authorities, join(root, AUTHORITIES));
  return root;
}

function carryOut(
  { verb, args }: Instruction,
  image: Image,
  built: ReadonlyMap<string, string>,
  context: { readonly folder: string; readonly ignore: string },
): void {
  const list = (text: string) => JSON.parse(text) as string[];
  switch (verb) {
    case "WORKDIR":
      image.workdir = args;
      mkdirSync(join(image.root, args), { recursive: true });
      return;
    case "ENV":
      for (const [, name, value] of args.matchAll(/(\w+)=(\S+)/g)) image.env[name!] = value!;
      return;
    case "USER":
      image.user = args;
      return;
    case "VOLUME":
      Object.assign(image, { volumes: list(args) });
      return;
    case "ENTRYPOINT":
      image.entrypoint = list(args);
      return;
    case "CMD":
      image.cmd = list(args);
      return;
    case "HEALTHCHECK":
      image.health = list(args.slice(args.indexOf("CMD ") + 4));
      return;
    case "COPY": {
      const words = args.split(/\s+/);
      const from = words[0]!.startsWith("--from=") ? built.get(words.shift()!.slice(7))! : undefined;
      const target = words.pop()!;
      for (const source of words)
        copy(source, target, image, from ?? context.folder, from ? "" : context.ignore);
      return;
    }
    case "RUN":
      run(...inside(image, ["/bin/sh", "-c", `cd ${image.workdir} && ${args}`]), 10 * MINUTE);
      return;
    default:
      throw new Error(`the Dockerfile has ${verb}, which this test does not know`);
  }
}

/** COPY: what a folder holds goes into the target; a file goes into a target that ends with a slash. */
function copy(source: string, target: string, image: Image, from: string, ignore: string): void {
  const isIgnored = dockerIgnore(ignore);
  const path = join(from, source);
  if (!existsSync(path)) throw new Error(`COPY: ${source} is not there`);
  if (isIgnored(source)) throw new Error(`COPY: .dockerignore keeps ${source} out`);
  const at = join(image.root, image.workdir, target);
  cpSync(path, target.endsWith("/") && !statSync(path).isDirectory() ? join(at, basename(source)) : at, {
    recursive: true,
    verbatimSymlinks: true,
    // Folders are entered even if ignored: an exception may name a part of them.
    filter: (file) => {
      const inContext = relative(from, file);
      return inContext === "" || !isIgnored(inContext);
    },
  });
}

/** The command line of a process in the root of an image, with processes of its own, that sees nothing of this one's environment. */
function inside({ root, env }: Image, command: readonly string[]): [string, string[]] {
  const hasAuthorities = existsSync(join(root, AUTHORITIES));
  const variables = Object.entries({
    ...env,
    HOME: "/root",
    npm_config_registry: execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim(),
    ...(hasAuthorities && { NODE_EXTRA_CA_CERTS: `/${AUTHORITIES}` }),
  }).map(([name, value]) => `${name}=${value}`);
  const script = `mount -t proc proc "$0/proc" && exec chroot "$0" /usr/bin/env -i "$@"`;
  return [
    "unshare",
    ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, root, ...variables, ...command],
  ];
}

function run(program: string, args: readonly string[], timeout = MINUTE): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    timeout,
  });
  if (status !== 0)
    throw new Error(
      `${program} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`,
    );
}

export interface ContainerOptions {
  /** Volumes: path in the container → folder of this machine. */
  readonly volumes: Readonly<Record<string, string>>;
  /** Mounts that can only be read. */
  readonly readOnly: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A process started as `docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges` does, on the network of
 * this machine. It is number 1 in a list of processes of its own.
 */
export class Container {
  readonly ended: Promise<number | null>;
  readonly #image: Image;
  readonly #env: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  #output = "";

  constructor(image: Image, { volumes, readOnly, env = {} }: ContainerOptions) {
    const { root } = image;
    const at = (path: string) => join(root, path);
    const script = [
      "set -e",
      `mount --bind ${root} ${root}`,
      ...Object.entries(volumes).map(([path, folder]) => `mount --bind ${folder} ${at(path)}`),
      ...Object.entries(readOnly).flatMap(([path, folder]) => [
        `mount --bind ${folder} ${at(path)}`,
        `mount -o remount,bind,ro ${at(path)}`,
      ]),
      `mount -t tmpfs tmpfs ${at("/tmp")}`,
      `mount -t proc proc ${at("/proc")}`,
      `mount -o remount,bind,ro ${root}`,
      `exec chroot ${root} "$@"`,
    ].join("\n");
    this.#image = image;
    this.#env = env;
    const command = asUser(image, [...image.entrypoint, ...image.cmd], env);
    const args = ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", ...command];
    this.#child = spawn("unshare", args, { stdio: ["ignore", "pipe", "pipe"] });
    const kill = () => void this.kill();
    process.once("exit", kill);
    this.#child.once("exit", () => process.off("exit", kill));
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on("data", (chunk: Buffer) => {
        this.#output += chunk;
      });
    this.ended = once(this.#child, "close").then(([code]) => code as number | null);
  }

  get output(): string {
    return this.#output;
  }

  /** The process that is number 1 in the container, as this machine numbers it. */
  get pid(): number {
    const first = firstIn(this.#child.pid!);
    if (first === undefined) throw new Error(`the container has ended:\n${this.#output}`);
    return first;
  }

  /** As `docker exec` does. */
  exec(command: readonly string[]): { code: number | null; output: string } {
    const within = asUser(this.#image, command, this.#env);
    const args = ["--target", `${this.pid}`, "--mount", "--pid", "--root", ...within];
    const { status, stdout, stderr } = spawnSync("nsenter", args, { encoding: "utf8", timeout: MINUTE });
    return { code: status, output: `${stdout}${stderr}` };
  }

  /** As `docker stop` does; resolves with the exit code. */
  stop(): Promise<number | null> {
    process.kill(this.pid, "SIGTERM");
    return this.ended;
  }

  async kill(): Promise<void> {
    // The end of its first process ends all in it; `unshare` cannot pass on a signal to another user's process.
    const first = firstIn(this.#child.pid!);
    if (first !== undefined) process.kill(first, "SIGKILL");
    await this.ended;
  }
}

function firstIn(pid: number): number | undefined {
  const file = `/proc/${pid}/task/${pid}/children`;
  const [first] = existsSync(file) ? readFileSync(file, "utf8").trim().split(" ") : [];
  return first ? Number(first) : undefined;
}

function asUser(
  { env, user, workdir }: Image,
  command: readonly string[],
  more: Readonly<Record<string, string>>,
): string[] {
  const variables = Object.entries({ HOME: `/home/${user}`, ...env, ...more });
  return [
    ...["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"],
    ...["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"],
    ...["env", "-i", `--chdir=${workdir}`, ...variables.map(([name, value]) => `${name}=${value}`)],
    ...command,
  ];
}
