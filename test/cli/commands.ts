import { cli } from "./in-process.ts";

/** Returns the commands that `--help` lists, as words; those of groups included. */
export async function commandsOf(path: readonly string[] = []): Promise<string[][]> {
  const { stdout } = await cli([...path, "--help"]);
  const list = stdout.split("\nCommands:\n")[1]?.split("\n\n")[0] ?? "";
  const names = [...list.matchAll(/^ {2}(\w+)/gm)]
    .map((match) => match[1]!)
    .filter((name) => name !== "help");
  const inner = await Promise.all(names.map((name) => commandsOf([...path, name])));
  return names.flatMap((name, i) => [[...path, name], ...inner[i]!]);
}

/** Returns the words of a command line up to its comment, pipe or end; quotes hold a word together. */
export function shellWords(line: string): string[] {
  const end = line.search(/\s(#|\||>|&&)/);
  const words = (end < 0 ? line : line.slice(0, end)).match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? [];
  return words.map((word) => word.replace(/^(['"])(.*)\1$/, "$2"));
}
