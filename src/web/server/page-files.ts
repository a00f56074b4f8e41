import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";

/** Folder of the built page: the same for the sources and for the compiled program. */
const FOLDER = fileURLToPath(new URL("../../../dist/web/page", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

const COMPRESS = { br: promisify(brotliCompress), gzip: promisify(gzip) };
type Encoding = keyof typeof COMPRESS;

interface PageFile {
  readonly type: string;
  readonly plain: Buffer<ArrayBuffer>;
  /** By content encoding; each is made when it is first asked for. */
  readonly compressed: Map<Encoding, Promise<Buffer<ArrayBuffer>>>;
  /** Its name has a hash of its content. */
  readonly hashed: boolean;
}

const NOT_BUILT = "the page is not built; run: npm run build:page\n";

/** The files of the page, kept in memory and compressed once: a path is looked up, and never reaches the file system. */
export class PageFiles {
  readonly #files: ReadonlyMap<string, PageFile>;

  constructor(folder = FOLDER) {
    this.#files = new Map(filesOf(folder).map((name) => [`/${name}`, read(folder, name)]));
  }

  /** Returns a file; the page itself for addresses of its views; undefined for a file that is not there. */
  async response(path: string, acceptEncoding: string): Promise<Response | undefined> {
    const isFile = path.startsWith("/assets/") || this.#files.has(path);
    const file = this.#files.get(isFile ? path : "/index.html");
    if (!file)
      return isFile
        ? undefined
        : new Response(NOT_BUILT, { status: 503, headers: { "content-type": "text/plain" } });
    const encoding = (["br", "gzip"] as const).find((one) => new RegExp(`\\b${one}\\b`).test(acceptEncoding));
    return new Response(encoding ? await compressed(file, encoding) : file.plain, {
      headers: {
        "content-type": file.type,
        "cache-control": file.hashed ? "public, max-age=31536000, immutable" : "no-cache",
        vary: "accept-encoding",
        ...(encoding && { "content-encoding": encoding }),
      },
    });
  }
}

function compressed(
  { plain, compressed: known }: PageFile,
  encoding: Encoding,
): Promise<Buffer<ArrayBuffer>> {
  const made = known.get(encoding) ?? (COMPRESS[encoding](plain) as Promise<Buffer<ArrayBuffer>>);
  known.set(encoding, made);
  return made;
}

function filesOf(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(folder.length + 1)
          .replaceAll("\\", "/"),
      );
  } catch {
    // The page was not built: the interface works without it.
    return [];
  }
}

function read(folder: string, name: string): PageFile {
  const plain = readFileSync(join(folder, name));
  return {
    type: TYPES[extname(name)] ?? "application/octet-stream",
    plain,
    compressed: new Map(),
    hashed: name.startsWith("assets/"),
  };
}
