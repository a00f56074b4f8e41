import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join, relative, resolve, sep } from "node:path";
import type { Command } from "commander";
import { defaultBridge } from "../../config/index.ts";
import { ChargePointClient, endpointFor, REGIONS } from "../../drivers/chargepoint/api/index.ts";
import { type FoundStation, findStations } from "../../drivers/chargepoint/discovery/index.ts";
import { createLog } from "../../log/log.ts";
import { NoBrokerError, visit } from "../../mqtt/index.ts";
import { devicePathFault, levelFault } from "../../points/index.ts";
import { type AccountFlags, accountOptions, answered, readPassword } from "../api/account.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { canAsk, Questions } from "../terminal/questions.ts";
import { counted } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { bridgeFileIn } from "./bridge-file.ts";
import { ENVIRONMENT_ACCOUNT, type SecretReference, stationFiles } from "./device-configs.ts";
import { countsText, formatAll } from "./diagnostics.ts";
import { loadAll } from "./load.ts";
import {
  FEW_POINTS,
  type MadeRegistry,
  madeNotes,
  madeTable,
  makeRegistries,
  type PointFlags,
  pointOptions,
} from "./make-registries.ts";
import { fewPaths, type NewFile, writeNewFiles } from "./new-files.ts";

interface Flags extends AccountFlags, PointFlags {
  readonly folder: string;
  readonly instance?: string;
  readonly broker?: string;
  readonly mqttUsername?: string;
  readonly mqttPasswordFile?: string;
  readonly topic?: string;
  readonly force?: true;
}

const EMBEDDED = "embedded";
const LOOPBACK = "127.0.0.1";
const BROKER_TIMEOUT_MS = 10_000;
const DEFAULTS = { instance: "voltbridge", broker: EMBEDDED, topic: "campus/garage" };

export function init(program: Command, terminal: Terminal): void {
  const command = program
    .command("init")
    .description(
      "Make the configs of a new bridge: asks for broker and account, or takes them as options, tests both, and writes a device config and a registry for every station.",
    )
    .option("--folder <folder>", "folder to make configs, registry and secrets in", ".")
    .option("--instance <name>", "name of the bridge at its broker")
    .option(
      "--broker <url>",
      "broker, e.g. mqtts://broker:8883; embedded, or embedded:1884 with another port, for one inside the bridge",
    )
    .option("--mqtt-username <name>", "user name at the broker")
    .option("--mqtt-password-file <file>", "file with the password at the broker (or MQTT_PASSWORD)")
    .option("--topic <path>", "topic path above the stations, e.g. campus/garage")
    .option("--force", "overwrite existing files");
  accountOptions(pointOptions(command)).action((flags: Flags) => run(flags, terminal));
}

async function run(flags: Flags, terminal: Terminal): Promise<void> {
  const questions = canAsk(terminal) ? new Questions(terminal) : undefined;
  const ending = questions?.ending ?? terminal.ending;
  try {
    if (!questions) requireFlags(flags, terminal);
    await prepare(flags, questions, { ...terminal, ending });
  } catch (error) {
    if (!ending.aborted) throw error;
    throw new CommandError("ended; nothing was written", EXIT.failed, { cause: error });
  } finally {
    questions?.close();
  }
}

/** Names everything that is missing where nobody can be asked. */
function requireFlags(flags: Flags, { env }: Terminal): void {
  const needed = [
    [flags.broker, "--broker <url> (or --broker embedded)"],
    [
      flags.region ?? flags.endpoint ?? env.CHARGEPOINT_REGION ?? env.CHARGEPOINT_ENDPOINT,
      "--region or --endpoint",
    ],
    [flags.username ?? env.CHARGEPOINT_USERNAME, "--username (or CHARGEPOINT_USERNAME)"],
    [flags.passwordFile ?? env.CHARGEPOINT_PASSWORD, "--password-file (or CHARGEPOINT_PASSWORD)"],
  ] as const;
  const missing = needed.filter(([value]) => !value).map(([, option]) => option);
  if (missing.length === 0) return;
  throw new CommandError(
    `there is no terminal to ask at, and these are missing: ${missing.join(", ")}`,
    EXIT.usage,
  );
}

async function prepare(flags: Flags, questions: Questions | undefined, terminal: Terminal): Promise<void> {
  const folder = resolve(flags.folder);
  let force = flags.force ?? (await mayOverwrite(folder, questions));
  const instance = await answerTo(
    flags.instance,
    questions,
    "Name of the bridge",
    DEFAULTS.instance,
    levelFault,
  );
  const broker = await brokerOf(flags, questions, terminal);
  const { account, stations, client } = await accountWithStations(flags, questions, terminal);
  let made: MadeRegistry[];
  let topic: string;
  try {
    topic = await answerTo(
      flags.topic,
      questions,
      "Topic path above the stations",
      DEFAULTS.topic,
      devicePathFault,
    );
    const points = await pointsOf(flags, questions);
    terminal.out("Trying what the account can read at each station …\n");
    made = await makeRegistries(client, stations, points, terminal);
  } finally {
    await client.close();
  }
  terminal.out(`\n${madeTable(made)}\n${madeNotes(made)}\n`);

  const configs = join(folder, "configs");
  const file = join(configs, "bridge.json");
  const secrets = join(folder, "secrets");
  const devices = join(configs, "devices");
  const stationFolder = join(devices, ...topic.split("/"));
  const files = stationFiles({
    stations,
    account: {
      endpoint: account.endpoint,
      region: account.region,
      username: inFolder(account.username, secrets, stationFolder),
      password: inFolder(account.password, secrets, stationFolder),
    },
    folder: stationFolder,
    bridge: { file, devices, registries: join(folder, "registry") },
    registries: made,
  });
  const settings = {
    $schema: "./bridge.schema.json",
    instance,
    devices: "devices",
    registries: "../registry",
    data: "../data",
    mqtt: broker.password
      ? { ...broker.settings, password: inFolder(broker.password, secrets, configs) }
      : broker.settings,
    historian: { backend: "sqlite" },
    web: { enabled: true },
  };
  const typed = [account.username, account.password, broker.password].flatMap((one) => one?.file ?? []);
  const all: NewFile[] = [
    ...typed.map(({ name, text }) => ({ path: join(secrets, name), text: `${text}\n`, secret: true })),
    ...files.schemas,
    ...files.registries,
    ...files.configs,
    { path: file, text: `${JSON.stringify(settings, null, 2)}\n` },
  ];
  const present = all.flatMap(({ path, replace }) => (!replace && existsSync(path) ? [path] : []));
  if (present.length > 0 && !force) {
    const there = `${counted(present.length, "file")} already there: ${fewPaths(present)}`;
    force = (await questions?.confirm(`${there}. Overwrite?`, false)) ?? false;
    if (!force) throw new CommandError(`${there}. Nothing was written; --force overwrites`);
  }
  terminal.ending.throwIfAborted();
  await report(file, writeNewFiles(all, force).written, terminal);
}

/** Asks before the config of an existing bridge is replaced. */
async function mayOverwrite(folder: string, questions: Questions | undefined): Promise<boolean> {
  const present = bridgeFileIn(join(folder, "configs"));
  if (present === undefined) return false;
  const there = `${fewPaths([present])} is already there`;
  if (
    questions &&
    (await questions.confirm(`${there}. Overwrite it, and the configs that have names of new ones?`, false))
  )
    return true;
  throw new CommandError(
    `${there}, and nothing was written: name another --folder, overwrite it with --force, or add stations to it with "voltbridge discover --write"`,
  );
}

async function report(file: string, written: readonly string[], terminal: Terminal): Promise<void> {
  terminal.out(`${counted(written.length, "file")} written: ${fewPaths(written.toReversed())}\n`);
  const { devices, diagnostics } = await loadAll({
    config: file,
    secrets: terminal.secrets,
    env: terminal.env,
  });
  terminal.err(formatAll(diagnostics));
  const config = relative(process.cwd(), file);
  const option = config === join("configs", "bridge.json") ? "" : ` --config ${config}`;
  terminal.out(
    `check: ${counted(devices.length, "device")}, ${countsText(diagnostics)}\n\nNext:\n  voltbridge plan${option}   which calls the bridge will make\n  voltbridge run${option}    start it; Ctrl-C stops it\n`,
  );
}

/** Returns what a flag says, or the answer to a question, or where nobody can be asked the default. */
async function answerTo(
  flag: string | undefined,
  questions: Questions | undefined,
  text: string,
  preset: string,
  faultOf: (answer: string) => string | undefined,
): Promise<string> {
  const fault = (answer: string) => {
    const problem = faultOf(answer);
    return problem === undefined ? undefined : `${JSON.stringify(answer)} cannot be used: it ${problem}`;
  };
  if (flag === undefined) return questions ? questions.ask(text, { preset, fault }) : preset;
  const problem = fault(flag);
  if (problem === undefined) return flag;
  throw new CommandError(`${text}: ${problem}`, EXIT.usage);
}

async function pointsOf(flags: Flags, questions: Questions | undefined): Promise<PointFlags> {
  if (flags.points !== undefined || flags.like !== undefined) return flags;
  const choice = await questions?.ask(
    "Points (few: status, load and limits; all: everything that can be read)",
    {
      preset: "few",
      fault: (answer) => (/^(few|all)$/.test(answer) ? undefined : "few or all"),
    },
  );
  return choice === "all" ? {} : { like: FEW_POINTS };
}

/** A secret: how configs name it, or what is to be written into a file of its own. */
interface Secret {
  readonly reference?: SecretReference;
  readonly file?: { readonly name: string; readonly text: string };
}

/** Returns how a config in a folder names the secret. */
function inFolder({ reference, file }: Secret, secrets: string, folder: string): SecretReference {
  return reference ?? { file: relative(folder, join(secrets, file!.name)).replaceAll(sep, "/") };
}

interface Broker {
  readonly settings: Record<string, unknown>;
  readonly password?: Secret;
}

async function brokerOf(flags: Flags, questions: Questions | undefined, terminal: Terminal): Promise<Broker> {
  const text = "Broker (mqtt://host:1883, or embedded for one inside the bridge)";
  for (let given = flags.broker; ; given = undefined) {
    const where = given ?? (await questions!.ask(text, { preset: DEFAULTS.broker, fault: brokerFault }));
    const fault = brokerFault(where);
    if (fault !== undefined) throw new CommandError(`--broker: ${fault}`, EXIT.usage);
    const [broker, problem] = where.startsWith(EMBEDDED)
      ? await embeddedBroker(where)
      : await remoteBroker(where, flags, questions, terminal);
    if (problem === undefined) return broker;
    if (!questions) throw new CommandError(problem);
    terminal.out(`  ${problem}\n`);
    if (await questions.confirm("Use it nevertheless?", false)) return broker;
  }
}

function brokerFault(text: string): string | undefined {
  if (/^embedded(:\d{1,5})?$/.test(text)) return undefined;
  const url = URL.parse(text);
  if (url && /^(mqtts?|wss?):$/.test(url.protocol) && url.hostname !== "")
    return url.password === ""
      ? undefined
      : "give the password by itself, not in the URL: it would be stored in clear";
  return `${JSON.stringify(text)} is not the address of a broker: expected embedded, or mqtt://, mqtts://, ws:// or wss:// with a host`;
}

/** Returns the settings, and why the bridge could not listen. */
async function embeddedBroker(text: string): Promise<[Broker, string?]> {
  const port = Number(text.split(":")[1] ?? 1883);
  const settings = { embedded: { host: LOOPBACK, port } };
  const server = createServer();
  try {
    server.listen(port, LOOPBACK);
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return [{ settings }];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return [
      { settings },
      code === "EADDRINUSE"
        ? `port ${port} is taken, by another broker? Use mqtt://${LOOPBACK}:${port}, or another port: embedded:${port + 1}`
        : `cannot listen on ${LOOPBACK} port ${port}: ${(error as Error).message}`,
    ];
  }
}

/** Returns the settings, and why no connection was possible. */
async function remoteBroker(
  url: string,
  flags: Flags,
  questions: Questions | undefined,
  terminal: Terminal,
): Promise<[Broker, string?]> {
  const { env, secrets, ending: signal } = terminal;
  const username =
    flags.mqttUsername ?? (await questions?.ask("User name there (empty for none)", { preset: "" }));
  let password: (Secret & { readonly value: string }) | undefined;
  if (username) {
    if (flags.mqttPasswordFile !== undefined)
      password = fromFile(flags.mqttPasswordFile, "--mqtt-password-file");
    else if (env.MQTT_PASSWORD)
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the config
      password = { value: env.MQTT_PASSWORD, reference: "${MQTT_PASSWORD}" };
    else if (questions)
      password = typed("mqtt.password", await questions.ask("Password there", { hidden: true }));
    else throw new CommandError("--mqtt-username needs --mqtt-password-file (or MQTT_PASSWORD)", EXIT.usage);
    secrets.add(password.value);
  }
  const settings = { url, ...(username && { username }) };
  const address = { ...defaultBridge().mqtt, ...settings, password: password?.value };
  try {
    const session = await visit(address, { timeoutMs: BROKER_TIMEOUT_MS, signal }, () => undefined);
    await session.end("tested");
    terminal.out(`  connected to ${url}\n`);
    return [{ settings, password }];
  } catch (error) {
    if (!(error instanceof NoBrokerError)) throw error;
    return [{ settings, password }, error.message];
  }
}

function fromFile(file: string, option: string): Secret & { readonly value: string } {
  return { value: readPassword(file, option), reference: { file: resolve(file) } };
}

function typed(name: string, value: string): Secret & { readonly value: string } {
  return { value, file: { name, text: value } };
}

interface NewAccount {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly username: Secret & { readonly value: string };
  readonly password: Secret & { readonly value: string };
}

/** Returns an account that works, and the stations that it can see. */
async function accountWithStations(
  flags: Flags,
  questions: Questions | undefined,
  terminal: Terminal,
): Promise<{ account: NewAccount; stations: FoundStation[]; client: ChargePointClient }> {
  for (let isFirst = true; ; isFirst = false) {
    const account = await newAccount(isFirst ? flags : {}, questions, isFirst ? terminal.env : {});
    terminal.secrets.add(account.password.value);
    const client = new ChargePointClient({
      endpoint: endpointFor(account as { endpoint?: string; region?: string }),
      username: account.username.value,
      password: account.password.value,
      log: createLog({ level: "warn", write: (line) => terminal.err(line) }),
    });
    try {
      const stations = await answered(findStations(client, undefined, terminal.ending));
      if (stations.length === 0)
        throw new CommandError("the account works, but it can see no station; check its rights");
      terminal.out(`  the account works: ${counted(stations.length, "station")}\n`);
      return { account, stations, client };
    } catch (error) {
      await client.close();
      terminal.ending.throwIfAborted();
      if (!questions || !(error instanceof CommandError)) throw error;
      terminal.out(`  ${error.message}\n`);
    }
  }
}

async function newAccount(
  flags: AccountFlags,
  questions: Questions | undefined,
  env: Terminal["env"],
): Promise<NewAccount> {
  const given = flags.endpoint ?? flags.region ?? env.CHARGEPOINT_ENDPOINT ?? env.CHARGEPOINT_REGION;
  const regions = Object.keys(REGIONS);
  const fault = (text: string) =>
    regions.includes(text) || /^https?:\/\/./.test(text)
      ? undefined
      : `${JSON.stringify(text)} is neither a region (${regions.join(", ")}) nor an address`;
  const where =
    given ?? (await questions!.ask(`Region of the account (${regions.join(", ")})`, { preset: "NA", fault }));
  const problem = fault(where);
  if (problem !== undefined) throw new CommandError(problem, EXIT.usage);
  const place = regions.includes(where) ? { region: where } : { endpoint: where };

  const key = env.CHARGEPOINT_USERNAME;
  let username: NewAccount["username"];
  if (flags.username !== undefined && flags.username !== key)
    username = typed("chargepoint.username", flags.username);
  else if (key) username = { value: key, reference: ENVIRONMENT_ACCOUNT.username };
  else username = typed("chargepoint.username", await questions!.ask("API licence key"));

  let password: NewAccount["password"];
  if (flags.passwordFile !== undefined) password = fromFile(flags.passwordFile, "--password-file");
  else if (env.CHARGEPOINT_PASSWORD)
    password = { value: env.CHARGEPOINT_PASSWORD, reference: ENVIRONMENT_ACCOUNT.password };
  else
    password = typed(
      "chargepoint.password",
      await questions!.ask("API password (not shown)", { hidden: true }),
    );
  return { ...place, username, password };
}
