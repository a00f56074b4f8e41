import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { Transform, type TransformCallback } from "node:stream";

/**
 * What happens to the bytes of every connection until it is over:
 *
 * - `hold`: connections are taken and stay open, nothing passes (a black hole; of old connections, a half-open one)
 * - `delay`: each piece comes so much later
 * - `drip`: so many bytes a second, in both directions
 * - `cut`: of what the server answers so many bytes pass, then the connection is reset
 * - `cut-body`, `hold-body`: of an HTTP answer the headers and so many bytes of the body pass, then it is reset, or nothing more comes
 */
export type Trouble =
  | { readonly kind: "hold" }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "drip"; readonly bytesPerSecond: number }
  | { readonly kind: "cut"; readonly bytes: number }
  | { readonly kind: "cut-body" | "hold-body"; readonly bytes: number };

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/** A proxy in front of a server on 127.0.0.1, for cutting and hindering connections where neither end wants it. */
export class TcpProxy {
  readonly port: number;
  /** Port of the server behind it. */
  readonly target: number;
  /** Connections taken so far. */
  accepted = 0;
  /** Ends every new connection at once. */
  refusing = false;
  trouble: Trouble | undefined;
  /** Called with all bytes of each connection by its number, and with its end. */
  tap: ((connection: number, from: "near" | "far", bytes: Buffer | "end") => void) | undefined;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #held: (() => void)[] = [];
  #resets: NodeJS.Timeout | undefined;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.target = target;
    this.port = (server.address() as { port: number }).port;
  }

  static async before(port: number): Promise<TcpProxy> {
    const server = createServer((near) => proxy.#take(near, port));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const proxy = new TcpProxy(server, port);
    return proxy;
  }

  /** Resets every connection, as a network that breaks. */
  cut(): void {
    for (const pair of this.#pairs) reset(pair);
  }

  /** Cuts every `ms`, until {@link heal}. */
  cutEvery(ms: number): void {
    clearInterval(this.#resets);
    this.#resets = setInterval(() => this.cut(), ms);
  }

  /** Ends all trouble; what was held goes on. */
  heal(): void {
    this.refusing = false;
    this.trouble = undefined;
    clearInterval(this.#resets);
    for (const goOn of this.#held.splice(0)) goOn();
  }

  async close(): Promise<void> {
    this.heal();
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #take(near: Socket, port: number): void {
    this.accepted++;
    near.on("error", () => undefined);
    if (this.refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = createConnection({ port, host: "127.0.0.1", noDelay: true });
    near.setNoDelay(true);
    far.on("error", () => undefined);
    const pair = { near, far };
    this.#pairs.add(pair);
    const connection = this.accepted;
    near.on("data", (bytes) => this.tap?.(connection, "near", bytes));
    far.on("data", (bytes) => this.tap?.(connection, "far", bytes));
    near.once("close", () => this.tap?.(connection, "near", "end"));
    const up = new Line((chunk, pass) => this.#pass(chunk, pass, undefined));
    const answers = { passed: 0, bodyAt: -1 };
    const down = new Line((chunk, pass) => this.#pass(chunk, pass, { pair, answers }));
    near.pipe(up).pipe(far).pipe(down).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.once("close", () => {
        other.destroy();
        this.#pairs.delete(pair);
      });
  }

  #pass(chunk: Buffer, pass: Pass, answering: Answering | undefined): void {
    const { trouble } = this;
    if (trouble === undefined) pass(chunk);
    else if (trouble.kind === "hold") this.#held.push(() => pass(chunk));
    else if (trouble.kind === "delay") setTimeout(() => pass(chunk), trouble.ms);
    else if (trouble.kind === "drip") this.#drip(chunk, pass);
    else if (answering) this.#cutAnswer(chunk, pass, answering, trouble);
    else pass(chunk);
  }

  #drip(chunk: Buffer, pass: Pass): void {
    const { trouble } = this;
    if (trouble?.kind !== "drip") {
      pass(chunk);
      return;
    }
    const size = Math.max(1, Math.ceil(trouble.bytesPerSecond / 20));
    if (chunk.length > size) pass.part(chunk.subarray(0, size));
    setTimeout(() => {
      if (chunk.length > size) this.#drip(chunk.subarray(size), pass);
      else pass(chunk);
    }, 50);
  }

  #cutAnswer(
    chunk: Buffer,
    pass: Pass,
    { pair, answers }: Answering,
    { kind, bytes }: Extract<Trouble, { readonly bytes: number }>,
  ): void {
    if (kind !== "cut" && answers.bodyAt < 0) {
      const headers = chunk.indexOf("\r\n\r\n");
      answers.bodyAt = headers < 0 ? -1 : answers.passed + headers + 4;
    }
    const start = kind === "cut" ? 0 : answers.bodyAt;
    const end = start + bytes - answers.passed;
    answers.passed += chunk.length;
    if (start < 0 || chunk.length < end) {
      pass(chunk);
      return;
    }
    pass.part(chunk.subarray(0, Math.max(end, 0)));
    if (kind === "hold-body") this.#held.push(() => reset(pair));
    // Only after what was let through has left.
    else setTimeout(() => reset(pair), 20);
  }
}

interface Answering {
  readonly pair: Pair;
  /** Bytes of this connection that were seen under trouble, and where the body begins among them. */
  readonly answers: { passed: number; bodyAt: number };
}

interface Pass {
  (chunk: Buffer): void;
  /** A piece, with more of it to come. */
  part(chunk: Buffer): void;
}

/** One direction of a connection; takes the next piece when the one before was passed. */
class Line extends Transform {
  readonly #work: (chunk: Buffer, pass: Pass) => void;

  constructor(work: (chunk: Buffer, pass: Pass) => void) {
    super();
    this.#work = work;
    this.on("error", () => undefined);
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    const pass = (piece: Buffer): void => {
      if (!this.destroyed) done(null, piece);
    };
    pass.part = (piece: Buffer): void => {
      if (!this.destroyed) this.push(piece);
    };
    this.#work(chunk, pass);
  }
}

function reset({ near, far }: Pair): void {
  near.resetAndDestroy();
  far.resetAndDestroy();
}
