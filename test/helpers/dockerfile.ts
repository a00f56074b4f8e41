import { matchesGlob } from "node:path";

export interface Instruction {
  readonly verb: string;
  readonly args: string;
}

/** What follows one FROM. */
export interface Stage {
  readonly base: string;
  readonly name?: string;
  readonly instructions: readonly Instruction[];
}

/** Reads a Dockerfile without continued lines and parser directives. Values of ARG before the first FROM are put into the FROMs. */
export function readDockerfile(text: string): Stage[] {
  const args = new Map<string, string>();
  const stages: { base: string; name?: string; instructions: Instruction[] }[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, verb, rest] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    if (verb === undefined || rest === undefined || rest.endsWith("\\"))
      throw new Error(`cannot read this line of the Dockerfile: ${line}`);
    if (verb === "FROM") {
      const [base, , name] = rest.split(/\s+/);
      stages.push({ base: base!.replace(/\$\{(\w+)\}/, (_, arg) => args.get(arg)!), name, instructions: [] });
    } else if (verb === "ARG" && stages.length === 0) {
      const [name, value] = rest.split("=");
      args.set(name!, value!);
    } else stages.at(-1)!.instructions.push({ verb, args: rest });
  }
  return stages;
}

/**
 * Returns whether a path of the build context stays out of it: the last pattern of `.dockerignore` that matches it, or a folder that it
 * is in, decides (Docker's documentation, ".dockerignore files").
 */
export function dockerIgnore(text: string): (path: string) => boolean {
  const patterns = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return (path) => {
    const parts = path.split("/");
    const within = parts.map((_, i) => parts.slice(0, i + 1).join("/"));
    let isIgnored = false;
    for (const pattern of patterns) {
      const isException = pattern.startsWith("!");
      const glob = isException ? pattern.slice(1) : pattern;
      if (within.some((one) => matchesGlob(one, glob))) isIgnored = !isException;
    }
    return isIgnored;
  };
}
