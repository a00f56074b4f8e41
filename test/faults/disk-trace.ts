import { readFileSync } from "node:fs";

/** What a process did to its disk, and said, in order. */
export type DiskCall =
  | { readonly kind: "write"; readonly file: string; readonly offset: number; readonly data: Buffer }
  | { readonly kind: "cut"; readonly file: string; readonly size: number }
  | { readonly kind: "flush"; readonly file: string }
  | { readonly kind: "said"; readonly text: string };

/** Arguments for strace, before the command, that write what {@link readTrace} reads. */
export function traceInto(file: string): string[] {
  return [
    "-f",
    "-qq",
    "-x",
    "-y",
    "-s",
    "1000000",
    "-o",
    file,
    "-e",
    "trace=pwrite64,write,fsync,fdatasync,ftruncate",
  ];
}

/** A flush counts from where it ended, with all that was written before it began. */
export function readTrace(file: string): DiskCall[] {
  const calls: DiskCall[] = [];
  const unfinished = new Map<string, string>();
  for (const line of readFileSync(file, "latin1").split("\n")) {
    const [, pid = "", rest = ""] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    const begun = rest.indexOf(" <unfinished ...>");
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/s.exec(rest);
    if (begun >= 0) {
      const half = rest.slice(0, begun);
      // What is written may reach the disk from the start on; only a flush has to have ended.
      if (/^f(data)?sync/.test(half)) unfinished.set(pid, half);
      else calls.push(...parse(`${half})`));
    } else if (resumed) {
      const half = unfinished.get(pid);
      unfinished.delete(pid);
      if (half) calls.push(...parse(half + resumed[1]!));
    } else calls.push(...parse(rest));
  }
  return calls;
}

function parse(text: string): DiskCall[] {
  const flush = /^f(?:data)?sync\(\d+<([^>]*)>\)/.exec(text);
  if (flush) return [{ kind: "flush", file: flush[1]! }];
  const cut = /^ftruncate\(\d+<([^>]*)>, (\d+)/.exec(text);
  if (cut) return [{ kind: "cut", file: cut[1]!, size: Number(cut[2]) }];
  const write = /^(pwrite64|write)\((\d+)<([^>]*)>, "((?:[^"\\]|\\.)*)", \d+(?:, (\d+))?/s.exec(text);
  if (!write) return [];
  const [, call, descriptor, file, data, offset] = write;
  if (call === "pwrite64")
    return [{ kind: "write", file: file!, offset: Number(offset), data: bytes(data!) }];
  return descriptor === "1" ? [{ kind: "said", text: bytes(data!).toString() }] : [];
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, f: 12, v: 11, '"': 34, "\\": 92 };

/** A string as strace prints it: in hexadecimal, or as in C. */
function bytes(text: string): Buffer {
  if (/^(?:\\x[\da-f]{2})+$/.test(text)) return Buffer.from(text.replaceAll("\\x", ""), "hex");
  const plain = text.replace(/\\(?:([0-7]{1,3})|x([\da-f]{2})|(.))/g, (_, octal, hex, other) =>
    String.fromCharCode(
      octal
        ? Number.parseInt(octal, 8)
        : hex
          ? Number.parseInt(hex, 16)
          : (ESCAPES[other] ?? other.charCodeAt(0)),
    ),
  );
  return Buffer.from(plain, "latin1");
}
