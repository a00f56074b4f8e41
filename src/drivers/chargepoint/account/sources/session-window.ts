import type { SessionsAnswer } from "../answers.ts";
import { newestBy } from "../newest.ts";

type Session = SessionsAnswer[number];

/** How far back the first read looks for a station's newest session. */
const LOOK_BACK_DAYS = 7;

/**
 * Remembers a station's newest session per port, so that each read asks only from the oldest start that can still
 * bring news: that of a session which is still open, or of the newest one.
 */
export class SessionWindow {
  readonly #newest = new Map<string | null, Session>();

  /** `fromTimeStamp` of the next read; inclusive, so the newest session comes again and may have ended. */
  from(now: Date): string {
    const earliest = new Date(now.getTime() - LOOK_BACK_DAYS * 86_400_000).toISOString();
    const sessions = this.newest();
    const open = this.open().flatMap((session) => session.startTime ?? []);
    const latest = newestBy(sessions, (session) => session.startTime)?.startTime;
    const from = [...open, ...(latest ? [latest] : [])].sort()[0] ?? earliest;
    return (from > earliest ? from : earliest).replace(/\.\d+Z$/, "Z");
  }

  /** Takes in what was read and answers with the newest session of every port. */
  merge(sessions: SessionsAnswer): SessionsAnswer {
    for (const session of sessions) {
      const known = this.#newest.get(session.portNumber);
      const older = known && known.sessionID !== session.sessionID;
      const newest = older ? newestBy([session, known], (candidate) => candidate.startTime) : session;
      if (newest) this.#newest.set(session.portNumber, newest);
    }
    return this.newest();
  }

  /** The newest session of every port. */
  newest(): SessionsAnswer {
    return [...this.#newest.values()];
  }

  /** Those of them that are under way. */
  open(): SessionsAnswer {
    return this.newest().filter(({ endTime }) => endTime === null);
  }
}
