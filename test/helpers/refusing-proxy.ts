import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";

const PUBLISH = 3;
const PUBACK = 0x40;

/**
 * A proxy in front of an MQTT 5 broker that answers chosen messages (QoS 1) itself, with a reason code that the broker
 * behind it cannot be made to send: 151 is "quota exceeded".
 */
export class RefusingProxy {
  readonly url: string;
  /** The code with which a message on this topic is refused; undefined lets it pass. */
  refusal: (topic: string) => number | undefined = () => undefined;
  /** Topics of the refused messages, in their order. */
  readonly refused: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  static async before(port: number): Promise<RefusingProxy> {
    const server = createServer((near) => proxy.#take(near, port));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const proxy = new RefusingProxy(server);
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #take(near: Socket, port: number): void {
    const far = createConnection(port, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        other.destroy();
        this.#sockets.delete(socket);
      });
    }
    far.pipe(near);
    let rest: Buffer = Buffer.alloc(0);
    near.on("data", (piece) => {
      rest = Buffer.concat([rest, piece]);
      for (;;) {
        const length = packetLength(rest);
        if (length === undefined || rest.length < length) return;
        const packet = rest.subarray(0, length);
        rest = rest.subarray(length);
        const ack = this.#refuse(packet);
        if (ack) near.write(ack);
        else far.write(packet);
      }
    });
  }

  /** The acknowledgement that refuses this packet; undefined where it is to pass. */
  #refuse(packet: Buffer): Buffer | undefined {
    const isQos1 = ((packet[0]! >> 1) & 3) === 1;
    if (packet[0]! >> 4 !== PUBLISH || !isQos1) return undefined;
    const at = headerLength(packet);
    const end = at + 2 + packet.readUInt16BE(at);
    const topic = packet.toString("utf8", at + 2, end);
    const code = this.refusal(topic);
    if (code === undefined) return undefined;
    this.refused.push(topic);
    return Buffer.from([PUBACK, 3, packet[end]!, packet[end + 1]!, code]);
  }
}

/** Bytes of the first packet, or undefined while its length is not known. */
function packetLength(bytes: Buffer): number | undefined {
  let length = 0;
  for (let i = 1; i < Math.min(bytes.length, 5); i++) {
    length += (bytes[i]! & 0x7f) << (7 * (i - 1));
    if (bytes[i]! < 0x80) return 1 + i + length;
  }
  return undefined;
}

/** Bytes before the topic: the type, and a length of one to four. */
function headerLength(packet: Buffer): number {
  let i = 1;
  while (packet[i]! >= 0x80) i++;
  return i + 1;
}
