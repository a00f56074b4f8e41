import type { SessionsAnswer } from "../answers.ts";
import { newestBy } from "../newest.ts";

type Session = SessionsAnswer[number];

/** Period in which the first read looks for a station's newest session, in days. */
const LOOK_BACK_DAYS = 7;

/**
 * Keeps a station's newest session per port, so that each read asks only from the earliest start of a session that can
 * still change: an active one, or the newest.
 */
export class SessionWindow {
  readonly #newest = new Map<string | null, Session>();

  /** Returns `fromTimeStamp` of the next read. It is inclusive, so the newest session is read again and may have ended. */
  from(now: Date): string {
    const earliest = new Date(now.getTime() - LOOK_BACK_DAYS * 86_400_000).toISOString();
    const sessions = this.newest();
    const open = this.open().flatMap((session) => session.startTime ?? []);
    const latest = newestBy(sessions, (session) => session.startTime)?.startTime;
    const from = [...open, ...(latest ? [latest] : [])].sort()[0] ?? earliest;
    return (from > earliest ? from : earliest).replace(/\.\d+Z$/, "Z");
  }

  /** Merges the sessions read and returns the newest session of every port. */
  merge(sessions: SessionsAnswer): SessionsAnswer {
    for (const session of sessions) {
      const known = this.#newest.get(session.portNumber);
      const older = known && known.sessionID !== session.sessionID;
      const newest = older ? newestBy([session, known], (candidate) => candidate.startTime) : session;
      if (newest) this.#newest.set(session.portNumber, newest);
    }
    return this.newest();
  }

  /** Returns the newest session of every port. */
  newest(): SessionsAnswer {
    return [...this.#newest.values()];
  }

  /** Returns those of them that are active. */
  open(): SessionsAnswer {
    return this.newest().filter(({ endTime }) => endTime === null);
  }
}
