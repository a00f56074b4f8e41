import { PLANS, type Plan } from "./plans.ts";
import { ORGANISATIONS, type Organisation } from "./world/stations/organisations.ts";

/** An account to create. */
export interface AccountOptions {
  readonly username: string;
  readonly password: string;
  /** ID of its organisation. Default: the organisation that owns most of the stations. */
  readonly organisation?: string;
  /** Its subscription. Default `full`: every call. */
  readonly plan?: Plan;
}

/** An account that may call the service. Its organisation and plan determine what it may read and change. */
export interface Account {
  readonly username: string;
  readonly password: string;
  readonly organisation: Organisation;
  readonly plan: Plan;
}

/** @throws RangeError for an unknown organisation or plan */
export function openAccount(options: AccountOptions): Account {
  const { username, password, organisation: id = ORGANISATIONS[0]!.id, plan = "full" } = options;
  const organisation = ORGANISATIONS.find((candidate) => candidate.id === id);
  if (!organisation) {
    const known = ORGANISATIONS.map((candidate) => `${candidate.id} (${candidate.name})`).join(", ");
    throw new RangeError(`there is no organisation ${id}; there are ${known}`);
  }
  if (!PLANS.includes(plan)) throw new RangeError(`there is no plan ${plan}; there are ${PLANS.join(", ")}`);
  return { username, password, organisation, plan };
}

/** The accounts by user name; the first is the default account. */
export class Accounts {
  readonly #byName: ReadonlyMap<string, Account>;
  readonly first: Account;

  /** @throws RangeError where there is none, or two have the same user name */
  constructor(accounts: readonly Account[]) {
    const [first] = accounts;
    if (!first) throw new RangeError("there must be an account");
    this.first = first;
    this.#byName = new Map(accounts.map((account) => [account.username, account]));
    if (this.#byName.size < accounts.length) throw new RangeError("two accounts have the same user name");
  }

  /** Returns the account with this name and password. */
  find(username: string, password: string): Account | undefined {
    const account = this.#byName.get(username);
    return account?.password === password ? account : undefined;
  }
}
