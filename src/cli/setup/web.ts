import { createInterface } from "node:readline/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ROLES, type Role } from "../../config/index.ts";
import { hashPassword, MAX_LENGTH } from "../../web/access/passwords.ts";
import { makeToken } from "../../web/access/tokens.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { canAsk, Questions } from "../terminal/questions.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";

const MIN_LENGTH = 8;

/** Commands that make users and tokens of the web interface; the bridge config lists them. */
export function web(program: Command, terminal: Terminal): void {
  const group = program.command("web").description("Make users and tokens of the web interface.");
  group
    .command("user")
    .description(
      "Ask for a user's password, twice, or read it from standard input, and print the entry for web.users with its hash.",
    )
    .argument("<name>", "user name", callerName)
    .addOption(roleOption("operate"))
    .action((name: string, { role }: { role: Role }) => makeUser(name, role, terminal));
  group
    .command("token")
    .description("Make the token of a program, and print it once, with the entry for web.tokens.")
    .argument("<name>", "name of the program", callerName)
    .addOption(roleOption("view"))
    .option("--json", "print JSON")
    .action((name: string, { role, json }: { role: Role; json?: true }) => {
      const { token, hash } = makeToken();
      const entry = { name, hash, role };
      if (json) return printJson(terminal, { token, entry });
      terminal.out(
        `Token, which is shown only now:\n\n  ${token}\n\nEntry of web.tokens in the bridge config:\n\n`,
      );
      terminal.data(`  ${JSON.stringify(entry)}\n`);
    });
}

function roleOption(preset: Role): Option {
  return new Option("--role <role>", "what it may do").choices(ROLES).default(preset);
}

function callerName(text: string): string {
  if (/^[^\p{C}\s]([^\p{C}]{0,98}[^\p{C}\s])?$/u.test(text)) return text;
  throw new InvalidArgumentError(
    "expected up to 100 characters, without control characters and without spaces around them",
  );
}

async function makeUser(name: string, role: Role, terminal: Terminal): Promise<void> {
  const password = canAsk(terminal) ? await askedTwice(name, terminal) : await readFrom(terminal);
  terminal.secrets.add(password);
  const hash = await hashPassword(password);
  terminal.err("Entry of web.users in the bridge config:\n");
  terminal.data(`${JSON.stringify({ name, hash, role })}\n`);
}

async function askedTwice(name: string, terminal: Terminal): Promise<string> {
  const questions = new Questions(terminal);
  try {
    for (;;) {
      const hidden = { hidden: true, exact: true };
      const password = await questions.ask(`Password of ${name}`, { ...hidden, fault: passwordFault });
      if ((await questions.ask("The same again", hidden)) === password) return password;
      terminal.err("  these are two different passwords\n");
    }
  } catch (error) {
    if (!questions.ending.aborted) throw error;
    throw new CommandError("ended; no user was made", EXIT.failed, { cause: error });
  } finally {
    questions.close();
  }
}

/** Reads the first line of standard input. */
async function readFrom({ input, ending }: Terminal): Promise<string> {
  const stream = input?.();
  let password = "";
  if (stream && !stream.isTTY) {
    const lines = createInterface({ input: stream, signal: ending });
    for await (const line of lines) {
      password = line;
      break;
    }
    lines.close();
  }
  const fault =
    password === ""
      ? "there is no terminal to ask at, and no password on standard input"
      : passwordFault(password);
  if (fault !== undefined) throw new CommandError(fault, EXIT.usage);
  return password;
}

function passwordFault(password: string): string | undefined {
  if (password.length < MIN_LENGTH) return `the password needs at least ${MIN_LENGTH} characters`;
  return password.length > MAX_LENGTH ? `the password may have ${MAX_LENGTH} characters` : undefined;
}
