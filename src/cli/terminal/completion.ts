// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the shell's variables, not ours
import { Argument, type Command } from "commander";
import type { Terminal } from "./terminal.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export function completion(program: Command, terminal: Terminal): void {
  program
    .command("completion")
    .description("Print a completion script: commands, operations of the API, options.")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .addHelpText(
      "after",
      `
To enable completion in every shell, add this line to its startup file:
  bash  source <(voltbridge completion bash)
  zsh   source <(voltbridge completion zsh)
  fish  voltbridge completion fish | source`,
    )
    .action((shell: (typeof SHELLS)[number]) => {
      const places = [...placesOf(program, [])];
      terminal.out(shell === "fish" ? fishScript(places) : bashScript(places, shell));
    });
}

/** The words of a command line so far (`["api", "getLoad"]`), and the words that can follow. */
interface Place {
  readonly path: readonly string[];
  readonly words: readonly string[];
}

function* placesOf(command: Command, path: readonly string[]): Generator<Place> {
  const options = command.createHelp().visibleOptions(command);
  const names = command.commands.map((sub) => sub.name());
  yield { path, words: [...names, ...options.flatMap(({ long }) => long ?? [])] };
  for (const sub of command.commands) yield* placesOf(sub, [...path, sub.name()]);
}

function bashScript(places: readonly Place[], shell: "bash" | "zsh"): string {
  const deeper = places.filter(({ path }) => path.length > 0).map(({ path }) => `"${keyOf(path)}"`);
  const cases = places.map(({ path, words }) => `    "${keyOf(path)}") candidates="${words.join(" ")}" ;;`);
  const lines = [
    ...(shell === "zsh" ? ["autoload -U +X bashcompinit && bashcompinit"] : []),
    "_voltbridge() {",
    '  local path="" word candidates=""',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$path $word" in',
    `      ${deeper.join("|")}) path="$path $word" ;;`,
    "    esac",
    "  done",
    '  case "$path" in',
    ...cases,
    "  esac",
    '  COMPREPLY=($(compgen -W "$candidates" -- "${COMP_WORDS[COMP_CWORD]}"))',
    "}",
    "complete -o default -F _voltbridge voltbridge",
  ];
  return `${lines.join("\n")}\n`;
}

/** Returns the key that the script's own loop builds: each word after a space. */
function keyOf(path: readonly string[]): string {
  return path.map((word) => ` ${word}`).join("");
}

function fishScript(places: readonly Place[]): string {
  const lines = places.map(({ path, words }) => {
    const condition =
      path.length === 0
        ? "__fish_use_subcommand"
        : path.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    return `complete -c voltbridge -n '${condition}' -a '${words.join(" ")}'`;
  });
  return `${lines.join("\n")}\n`;
}
