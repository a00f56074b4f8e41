import { expect, test } from "vitest";
import { refusedAccounts } from "../../src/web/page/state/bridge/refused-accounts.ts";
import type { NoticeView } from "../../src/web/schemas.ts";

function notice(kind: string, of: string, ended = false): NoticeView {
  const text = ended ? `${of} answers again after 2 h; 159 attempts failed` : `${of}: HTTP 500`;
  const outage = { of, ended, seconds: 0, failures: 1 };
  return { at: "2026-11-21T08:00:00Z", severity: "error", kind, text, device: null, outage };
}

test("an account needs a person until its last notice says that it answers again", () => {
  const newestFirst = [
    notice("account_back", "account a at NA", true),
    notice("credentials_refused", "account b at NA"),
    notice("account_paused", "account b at NA"),
    notice("account_back", "account b at NA", true),
    notice("account_paused", "account a at NA"),
    notice("scrape_skipped", "interval of site/s1"),
  ];
  expect(refusedAccounts(newestFirst)).toEqual([newestFirst[1]]);
});
