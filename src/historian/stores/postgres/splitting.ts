import type { Query } from "../../../storage/postgres.ts";
import { isBadValue } from "./failure.ts";

/** Stores items in a transaction. Returns the items that the server rejected, with their reasons. */
export type Store = <Item>(
  items: readonly Item[],
  insert: (items: readonly Item[]) => Promise<void>,
) => Promise<ReadonlyMap<Item, string>>;

/** Stores all items at once: the first rejection fails the transaction. */
export const storeAll: Store = async (items, insert) => {
  await insert(items);
  return new Map();
};

/** Splits rejected items in half until each bad item is alone. */
export function storeSplitting(query: Query): Store {
  return async (items, insert) => {
    const refused = new Map<(typeof items)[number], string>();
    const attempt = async (some: typeof items): Promise<void> => {
      await query("SAVEPOINT part");
      try {
        await insert(some);
        await query("RELEASE SAVEPOINT part");
        return;
      } catch (error) {
        if (!isBadValue(error)) throw error;
        await query("ROLLBACK TO SAVEPOINT part");
        const [only] = some;
        if (some.length === 1 && only !== undefined) {
          refused.set(only, (error as Error).message);
          return;
        }
      }
      const middle = some.length >> 1;
      await attempt(some.slice(0, middle));
      await attempt(some.slice(middle));
    };
    await attempt(items);
    return refused;
  };
}
