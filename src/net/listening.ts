/** Time between two attempts to open a port, in milliseconds. */
const RETRY_MS = 10_000;

/** A server that listens, or that is tried again until it does: what it is for does not stop the rest of the bridge. */
export interface Listening<Server> {
  /** Undefined while it cannot listen. */
  readonly server: Server | undefined;
  stop(): Promise<void>;
}

/** Opens a server; resolves after the first attempt. `onFailure` is called with the error of each attempt that failed. */
export async function keepListening<Server extends { stop(): Promise<void> }>(
  open: () => Promise<Server>,
  onFailure: (error: unknown) => void,
): Promise<Listening<Server>> {
  let server: Server | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isStopped = false;
  const attempt = async (): Promise<void> => {
    try {
      server = await open();
    } catch (error) {
      onFailure(error);
      if (!isStopped) retry = setTimeout(again, RETRY_MS).unref();
    }
  };
  let opening = attempt();
  const again = () => {
    opening = attempt();
  };
  await opening;
  return {
    get server() {
      return server;
    },
    async stop() {
      isStopped = true;
      clearTimeout(retry);
      await opening;
      await server?.stop();
    },
  };
}
