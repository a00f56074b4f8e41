/** An account of a pool. */
export interface Pooled<Account, Settings> {
  readonly account: Account;
  /** With which it was created. */
  readonly settings: Settings;
  /** Counts one more device that uses it. The returned function ends that. */
  use(): () => void;
}

interface Entry<Account, Settings> extends Pooled<Account, Settings> {
  /** Number of devices that use it; undefined before the first. */
  users: number | undefined;
}

/** The accounts of a driver type: devices of one account share it. */
export class AccountPool<Account extends { close(): Promise<void> }, Settings extends { password: string }> {
  readonly #create: (label: string, settings: Settings) => Account;
  readonly #accounts = new Map<string, Entry<Account, Settings>>();
  readonly #closing = new Set<Promise<void>>();

  constructor(create: (label: string, settings: Settings) => Account) {
    this.#create = create;
  }

  /**
   * Returns the account of a key, created at the first call. An account that no device uses is created anew where its
   * password has changed.
   * @throws Error where two devices give different passwords for one account: one of them must be wrong
   */
  get(key: string, label: string, settings: Settings): Pooled<Account, Settings> {
    const known = this.#accounts.get(key);
    if (known?.settings.password === settings.password) return known;
    if (known?.users)
      throw new Error(
        `account ${label} has a different password in an earlier device config; give all its devices the same password`,
      );
    if (known) this.#close(known.account);
    const entry: Entry<Account, Settings> = {
      account: this.#create(label, settings),
      settings,
      users: undefined,
      use() {
        entry.users = (entry.users ?? 0) + 1;
        let isUsed = true;
        return () => {
          if (isUsed) entry.users!--;
          isUsed = false;
        };
      },
    };
    this.#accounts.set(key, entry);
    return entry;
  }

  /** Returns the accounts but those that all devices have left. */
  inUse(): readonly Pooled<Account, Settings>[] {
    return [...this.#accounts.values()].filter(({ users }) => users !== 0);
  }

  async close(): Promise<void> {
    for (const { account } of this.#accounts.values()) this.#close(account);
    await Promise.all(this.#closing);
  }

  #close(account: Account): void {
    const closing = account.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
