export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadText {
  readonly families: ReadonlyMap<string, { readonly type: string; readonly help: string }>;
  readonly samples: readonly Sample[];
  /** The only series of a name with these labels, among others; undefined where there is none. */
  value(name: string, labels?: Record<string, string>): number | undefined;
}

/** Reads Prometheus' text format 0.0.4. */
export function readText(text: string): ReadText {
  const families = new Map<string, { type: string; help: string }>();
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === "HELP") families.set(name!, { type: "", help: rest! });
    else if (keyword === "TYPE") families.get(name!)!.type = rest!;
    else if (line !== "") samples.push(readSample(line));
  }
  return {
    families,
    samples,
    value(name, labels = {}) {
      const found = samples.filter(
        (one) =>
          one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
      );
      if (found.length > 1) throw new Error(`${found.length} series of ${name} ${JSON.stringify(labels)}`);
      return found[0]?.value;
    },
  };
}

function readSample(line: string): Sample {
  const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [
    key,
    text!.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char)),
  ]);
  return { name, labels: Object.fromEntries(pairs), value: value === "+Inf" ? Infinity : Number(value) };
}
