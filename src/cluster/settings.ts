/** Names of settings of an estate. */
export const SETTINGS = {
  /** Random id of the estate, made by its first member. */
  estate: "id",
  /** The id that an operator confirmed after the data of the service was lost. */
  confirmed: "confirmed",
  /** The active revision of the configuration. */
  revision: "revision",
  /** The member that has a shard as long as it can. */
  move: (shard: string) => `move/${shard}`,
  /** Set: the member gives up its shards and gets none. */
  drain: (member: string) => `drain/${member}`,
} as const;
