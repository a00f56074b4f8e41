import type { NoticeView } from "../../../schemas.ts";

const KINDS = ["credentials_refused", "account_paused", "account_back"];

/** Returns the notices of accounts that the network refuses or pauses, one of each. `notices`: the newest first. */
export function refusedAccounts(notices: readonly NoticeView[]): NoticeView[] {
  const seen = new Set<string>();
  return notices.filter(({ kind, text, outage }) => {
    if (!KINDS.includes(kind)) return false;
    const account = outage?.of ?? text;
    if (seen.has(account)) return false;
    seen.add(account);
    return outage?.ended !== true;
  });
}
