import { ETCD_CONNECTION_SCHEMA, type EtcdConnection } from "../config/bridge/cluster-schema.ts";
import type { BridgeSettings } from "../config/index.ts";
import { CONNECTION_SCHEMA, type PostgresConnection, withUrl } from "../config/postgres-connection.ts";
import type { ClusterStore } from "./contract.ts";
import { EtcdStore } from "./etcd/store.ts";
import { SETTING } from "./postgres/database.ts";
import { PostgresStore } from "./postgres/store.ts";

export interface ClusterOptions<Connection> {
  /** Settings, checked by the backend's `configSchema` and with its defaults. */
  readonly connection: Connection;
  /** Name of the estate. */
  readonly instance: string;
}

export interface ClusterBackend<Connection> {
  readonly name: string;
  /** JSON Schema of `cluster.connection`. */
  readonly configSchema: Readonly<Record<string, unknown>>;
  /** Does not connect yet. @throws for settings that cannot be used, e.g. a certificate that cannot be read */
  open(options: ClusterOptions<Connection>): ClusterStore;
}

const etcd: ClusterBackend<EtcdConnection> = {
  name: "etcd",
  configSchema: ETCD_CONNECTION_SCHEMA,
  open: ({ connection, instance }) => new EtcdStore(connection, instance),
};

const { table_prefix: _, ...POSTGRES_SETTINGS } = CONNECTION_SCHEMA.properties;

const postgres: ClusterBackend<PostgresConnection> = {
  name: "postgres",
  configSchema: {
    ...CONNECTION_SCHEMA,
    properties: {
      ...POSTGRES_SETTINGS,
      schema: { ...POSTGRES_SETTINGS.schema, default: "cluster" },
      timeout: { ...POSTGRES_SETTINGS.timeout, default: 2 },
    },
  },
  open: ({ connection, instance }) => new PostgresStore(withUrl(connection, SETTING), instance),
};

/** THE LIST of services that keep an estate. */
export const clusterBackends = { etcd, postgres } as const;

/** Opens the service that the settings choose; it does not connect yet. @throws for settings that cannot be used */
export function openCluster({
  cluster,
  instance,
}: Pick<BridgeSettings, "cluster" | "instance">): ClusterStore {
  const { backend, connection } = cluster;
  if (backend === "none") throw new Error("the bridge config names no cluster.backend");
  return clusterBackends[backend].open({ connection: connection as never, instance });
}
