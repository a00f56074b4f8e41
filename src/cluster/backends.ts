import { ETCD_CONNECTION_SCHEMA, type EtcdConnection } from "../config/bridge/cluster-schema.ts";
import type { Log } from "../log/log.ts";
import type { ClusterStore } from "./contract.ts";
import { EtcdStore } from "./etcd/store.ts";

export interface OpenOptions<Connection> {
  readonly connection: Connection;
  readonly instance: string;
  readonly log: Log;
}

export interface ClusterBackend<Connection> {
  /** JSON Schema of `cluster.connection`. */
  readonly configSchema: Readonly<Record<string, unknown>>;
  open(options: OpenOptions<Connection>): ClusterStore;
}

const etcd: ClusterBackend<EtcdConnection> = {
  configSchema: ETCD_CONNECTION_SCHEMA,
  open: ({ connection, instance }) => new EtcdStore(connection, instance),
};

/** THE LIST of services that keep the owners and the state of an estate. */
export const clusterBackends = { etcd } as const;
