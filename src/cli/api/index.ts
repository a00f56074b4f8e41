/** Commands that call the ChargePoint web services: options become a request, and the response is printed. */

import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import {
  buildRequest as buildEnvelope,
  ChargePointClient,
  encode,
  type Operation,
  operations,
  pages,
  readAnswer,
  securityHeader,
} from "../../drivers/chargepoint/api/index.ts";
import { createLog } from "../../log/log.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { Progress } from "../terminal/progress.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { type Account, type AccountFlags, accountOf, accountOptions, isServiceError } from "./account.ts";
import { formatAnswer, formatRecords } from "./answer.ts";
import { buildRequest, convert, type Parameter, parametersOf, placeholder } from "./parameters.ts";

interface Flags extends AccountFlags {
  readonly request?: string;
  readonly json?: true;
  readonly raw?: true;
  readonly all?: true;
  readonly yes?: true;
  readonly [parameter: string]: unknown;
}

/** Adds `api` with one subcommand per operation, whose options are the elements of its request. */
export function api(program: Command, terminal: Terminal): void {
  const group = program
    .command("api")
    .description("Call any operation of the ChargePoint web services.")
    .usage("<operation> [options]");
  for (const operation of Object.values<Operation>(operations)) addOperation(group, operation, terminal);
}

function addOperation(group: Command, operation: Operation, terminal: Terminal): void {
  const parameters = parametersOf(operation.request);
  const writes = operation.effect === "write";
  const command = group.command(operation.name).description(summaryOf(operation));
  for (const parameter of parameters) {
    command.option(`--${parameter.name} ${placeholder(parameter)}`, parameter.doc, (text, before) =>
      collect(parameter, text, before),
    );
  }
  command
    .option(
      "--request <file>",
      "JSON file of the request's elements; options take precedence; - is standard input",
    )
    .option("--json", "print JSON")
    .option("--raw", "print the XML of request and answer, the password blanked");
  if (operation.paging) command.option("--all", "fetch all pages");
  if (writes) command.option("--yes", "confirm: this operation changes something");
  accountOptions(command).action((flags: Flags) => callOperation(operation, parameters, flags, terminal));
}

/** `Load and shed state of … (read, guide §5.3)` */
function summaryOf({ doc, effect, section }: Operation): string {
  const place = /^\d/.test(section) ? `guide §${section}` : section;
  return `${doc.replace(/\.$/, "")} (${effect}, ${place})`;
}

function collect(parameter: Parameter, text: string, before: unknown): unknown {
  try {
    const value = convert(parameter, text);
    return parameter.repeats ? [...((before as unknown[] | undefined) ?? []), value] : value;
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

async function callOperation(
  operation: Operation,
  parameters: readonly Parameter[],
  flags: Flags,
  terminal: Terminal,
): Promise<void> {
  const account = accountOf(flags, terminal);
  const given = parameters.flatMap((parameter) => {
    const value = flags[parameter.name];
    return value === undefined ? [] : [{ parameter, value }];
  });
  const request = buildRequest(
    operation.request,
    given,
    flags.request === undefined ? {} : readRequest(flags.request),
  );
  if (operation.effect === "write" && !flags.yes) {
    throw new CommandError(
      `${operation.name} changes something; add --yes to send ${JSON.stringify(request)}`,
      EXIT.usage,
    );
  }
  try {
    encode(operation.request, request as never);
  } catch (error) {
    throw new CommandError(`${operation.name}: ${(error as Error).message}`, EXIT.usage, { cause: error });
  }
  try {
    await converse(operation, request, account, flags, terminal);
  } catch (error) {
    throw isServiceError(error) ? new CommandError(error.message, EXIT.failed, { cause: error }) : error;
  }
}

async function converse(
  operation: Operation,
  request: Record<string, unknown>,
  account: Account,
  flags: Flags,
  terminal: Terminal,
): Promise<void> {
  const log = createLog({ level: "warn", write: (line) => terminal.err(line) });
  const answers: string[] = [];
  const client = new ChargePointClient({
    ...account,
    log,
    read: (called, document, limits) => {
      answers.push(Buffer.from(document).toString());
      return readAnswer(called, document, limits);
    },
  });
  try {
    if (flags.all) return await walk(client, operation, request, flags, terminal);
    const answer = await client.call(operation, request as never, { signal: terminal.ending }).finally(() => {
      if (!flags.raw) return;
      terminal.out(`${buildEnvelope(operation, request as never, securityHeader(account))}\n`);
      for (const document of answers) terminal.out(`${document}\n`);
    });
    if (flags.raw) return;
    if (flags.json) printJson(terminal, answer);
    else terminal.out(formatAnswer(operation, answer as Record<string, unknown>, terminal.columns));
  } finally {
    await client.close();
  }
}

async function walk(
  client: ChargePointClient,
  operation: Operation,
  request: Record<string, unknown>,
  flags: Flags,
  terminal: Terminal,
): Promise<void> {
  const records: unknown[] = [];
  const progress = new Progress(terminal);
  let calls = 0;
  const counted = {
    call: (...args: Parameters<ChargePointClient["call"]>) => {
      calls += 1;
      return client.call(...args);
    },
  } as Pick<ChargePointClient, "call">;
  const query = (request.searchQuery ?? {}) as never;
  for await (const record of pages(counted, operation, query, { signal: terminal.ending })) {
    records.push(record);
    progress.show({ phase: "records", count: records.length });
  }
  terminal.err(`${operation.name}: ${records.length} records, ${calls} pages\n`);
  if (flags.json) printJson(terminal, records);
  else terminal.out(formatRecords(records, terminal.columns));
}

function readRequest(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file === "-" ? 0 : file, "utf8")) as Record<string, unknown>;
  } catch (error) {
    throw new CommandError(`--request ${file}: ${(error as Error).message}`, EXIT.usage, { cause: error });
  }
}
