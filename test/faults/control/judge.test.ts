import { describe, expect, test } from "vitest";
import type { CallTrouble } from "../../helpers/soap-proxy.ts";
import { type Answer, type Asked, type Evidence, Judge } from "./judge.ts";
import type { Act } from "./truth.ts";

const STATION = "1:100001";
const SECOND = 1000;
const ALWAYS = { from: 0, to: Number.POSITIVE_INFINITY };

/** A call of the bridge that the service carried out; `lost` where its answer was. */
function act(at: number, call: Partial<Act>, trouble?: CallTrouble["kind"]): Act {
  const shed = {
    ...{
      operation: "shedLoad" as const,
      stationID: STATION,
      port: "1",
      mode: undefined,
      value: undefined,
      minutes: 1,
    },
    ...call,
  };
  const exchange = { ...shed, at, trouble, passed: true, answered: trouble === undefined, endedAt: at };
  return { ...shed, at, by: "bridge", exchange, ...(call.by === "portal" && { by: "portal" as const }) };
}

const limit = (at: number, value: number, trouble?: CallTrouble["kind"]) =>
  act(at, { mode: "allowedLoad", value }, trouble);
const clear = (at: number, more: Partial<Act> = {}) => act(at, { operation: "clearShedState", ...more });

let number = 0;
function asked(at: number, what: Partial<Asked>, ...answers: Partial<Answer>[]): Asked {
  return {
    ...{ id: `c${++number}`, requester: "ems", action: "set", device: "site/s1", stationID: STATION },
    ...{ port: "1", point: "allowedLoad_1", sentAt: [at] },
    ...what,
    answers: answers.map((answer) => ({
      ...{ at: at + 500, status: "confirmed", text: "", final: true, repeated: false, error: undefined },
      ...answer,
    })),
  };
}

const set = (at: number, value: number, ...answers: Partial<Answer>[]) =>
  asked(at, { mode: "allowedLoad", value }, ...answers);
const revert = (at: number, ...answers: Partial<Answer>[]) => asked(at, { action: "revert" }, ...answers);

function findings(evidence: Partial<Evidence>): string[] {
  const judge = new Judge({
    ...{ acts: [], asked: [], resets: [], overridden: [], absences: [], late: [], said: [] },
    ...{ exchanges: (evidence.acts ?? []).flatMap(({ exchange }) => exchange ?? []) },
    lives: [{ ...ALWAYS, name: "the bridge", end: "", isAhead: false }],
    ...{ graceSeconds: 3, confirmSeconds: 8, leaseMinutes: () => 1 },
    ...evidence,
  });
  return judge.findings.map(({ kind }) => kind);
}

const T = 1_000_000;
const confirmed = { status: "confirmed" };

describe("the judge of set points", () => {
  test("finds nothing in a set that is renewed, ended and cleared by its sender", () => {
    const acts = [limit(T + 100, 3), limit(T + 30 * SECOND, 3), clear(T + 41 * SECOND)];
    expect(
      findings({ acts, asked: [set(T, 3, confirmed), revert(T + 40 * SECOND, { at: T + 42 * SECOND })] }),
    ).toEqual([]);
  });

  test("calls a write without a command unintended", () => {
    expect(findings({ acts: [limit(T, 3)] })).toEqual(["unintended write"]);
    expect(
      findings({ acts: [limit(T + 100, 3), clear(T + 9 * SECOND)], asked: [set(T, 3, confirmed)] }),
    ).toEqual(["unintended write"]);
  });

  test("calls the renewal of a limit that was reverted, replaced or cleared elsewhere unintended", () => {
    const again = limit(T + 30 * SECOND, 3);
    const first = limit(T + 100, 3);
    const byPortal = clear(T + 20 * SECOND, { by: "portal" });
    const commands = [set(T, 3, confirmed), revert(T + 10 * SECOND, { at: T + 11 * SECOND })];
    expect(findings({ acts: [first, clear(T + 10.1 * SECOND), again], asked: commands })).toEqual([
      "unintended write",
    ]);
    const other = [set(T, 3, confirmed), set(T + 10 * SECOND, 4, { at: T + 11 * SECOND })];
    expect(findings({ acts: [first, limit(T + 10.1 * SECOND, 4), again], asked: other })).toEqual([
      "unintended write",
    ]);
    expect(findings({ acts: [first, byPortal, again], asked: [set(T, 3, confirmed)] })).toEqual([
      "unintended write",
    ]);
  });

  test("calls a command that is carried out twice unintended", () => {
    const twice = [limit(T + 100, 0), limit(T + 120, 0)];
    // The second is no renewal either: it has an end of its own.
    expect(
      findings({ acts: twice, asked: [asked(T, { mode: "allowedLoad", value: 0, minutes: 1 }, confirmed)] }),
    ).toEqual(["unintended write"]);
  });

  test("calls a renewal that comes at once unintended: it is the command, carried out by a second bridge", () => {
    const commands = [set(T, 3, confirmed)];
    expect(findings({ acts: [limit(T + 100, 3), limit(T + 110, 3)], asked: commands })).toEqual([
      "unintended write",
    ]);
    // A renewal whose answer was lost is tried again.
    const acts = [limit(T + 100, 3), limit(T + 30 * SECOND, 3, "lost"), limit(T + 32 * SECOND, 3)];
    expect(findings({ acts, asked: commands })).toEqual([]);
    const late = [limit(T + 100, 3), limit(T + 30 * SECOND, 3)];
    expect(findings({ acts: late, asked: commands, leaseMinutes: () => 0 })).toEqual(["unintended write"]);
  });

  test("calls the renewal of what was to end unintended, and its end not", () => {
    const timed = asked(T, { mode: "allowedLoad", value: 3, minutes: 1 }, confirmed);
    expect(findings({ acts: [limit(T + 100, 3), clear(T + 61 * SECOND)], asked: [timed] })).toEqual([]);
    expect(findings({ acts: [limit(T + 100, 3), limit(T + 30 * SECOND, 3)], asked: [timed] })).toEqual([
      "unintended write",
    ]);
  });

  test("knows the reverts of an override and of a controller that is away", () => {
    const acts = [limit(T + 100, 3), clear(T + 10 * SECOND)];
    const commands = [set(T, 3, confirmed)];
    const from = T + 9.9 * SECOND;
    expect(
      findings({ acts, asked: commands, overridden: [{ device: "site/s1", from, to: from + 5000 }] }),
    ).toEqual([]);
    const absence = { requester: "ems", from: T + 6 * SECOND, to: T + 20 * SECOND };
    expect(findings({ acts, asked: commands, absences: [absence] })).toEqual([]);
    expect(findings({ acts, asked: commands, absences: [{ ...absence, requester: "tariff" }] })).toEqual([
      "unintended write",
    ]);
    expect(findings({ acts, asked: commands, absences: [{ ...absence, from: T + 9 * SECOND }] })).toEqual([
      "unintended write",
    ]);
  });

  test.each([
    ["refused, and done", "refused", "", ["untrue answer"]],
    ["failed, and done", "failed", "database or disk is full", ["untrue answer"]],
    [
      "unknown, and no answer lost",
      "failed",
      "it is not known whether the device accepted it",
      ["unknown without a lost answer"],
    ],
    ["confirmed, and so it was", "confirmed", "", []],
    ["accepted, and so it was", "accepted", "", []],
  ])("%s", (_, status, text, found) => {
    expect(findings({ acts: [limit(T + 100, 3)], asked: [set(T, 3, { status, text })] })).toEqual(found);
  });

  test.each([
    ["refused, and not done", "refused", "", []],
    ["failed, and not done", "failed", "code 115", []],
    ["failed for its own disk", "failed", "database or disk is full", ["stopped by its own disk"]],
    ["confirmed, and never done", "confirmed", "", ["untrue answer"]],
    ["accepted, and never done", "accepted", "", ["untrue answer"]],
  ])("%s", (_, status, text, found) => {
    expect(findings({ asked: [set(T, 3, { status, text })] })).toEqual(found);
  });

  test("takes unknown where the answer was lost, or the bridge was killed in the middle", () => {
    const unknown = { status: "unconfirmed", text: "it is not known whether the device accepted it" };
    expect(findings({ acts: [limit(T + 100, 3, "lost")], asked: [set(T, 3, unknown)] })).toEqual([]);
    const lives = [
      { name: "the bridge", from: 0, to: T + 200, end: "kill -9", isAhead: false },
      { ...ALWAYS, name: "the bridge", from: T + 300, end: "", isAhead: false },
    ];
    expect(findings({ acts: [limit(T + 100, 3)], asked: [set(T, 3, unknown)], lives })).toEqual([]);
  });

  test("does not take `nothing to revert` while a limit of the bridge is in force", () => {
    const commands = [
      set(T, 0, { status: "failed", text: "not known" }),
      asked(
        T + 10 * SECOND,
        { action: "revert device", port: undefined, point: undefined },
        { at: T + 11 * SECOND, text: "nothing to revert" },
      ),
    ];
    expect(findings({ acts: [limit(T + 100, 0, "lost")], asked: commands })).toEqual(["untrue answer"]);
  });

  test("judges the revert of a device by its points", () => {
    const text = "allowedLoad_1: confirmed; allowedLoad_2: failed (shedLoad: HTTP 503)";
    const two = act(T + 200, { mode: "allowedLoad", value: 4, port: "2" });
    const setTwo = asked(T + 150, { mode: "allowedLoad", value: 4, port: "2" }, { at: T + 700 });
    const device = asked(
      T + 10 * SECOND,
      { action: "revert device", port: undefined, point: undefined },
      { at: T + 11 * SECOND, status: "failed", text },
    );
    const commands = [set(T, 3, confirmed), setTwo, device];
    const before = [limit(T + 100, 3), two];
    expect(findings({ acts: [...before, clear(T + 10.1 * SECOND)], asked: commands })).toEqual([]);
    expect(findings({ acts: [...before, clear(T + 10.1 * SECOND, { port: "2" })], asked: commands })).toEqual(
      ["untrue answer", "untrue answer"],
    );
  });

  test("tells a call that was dropped from that of the next command", () => {
    const dropped = { ...limit(T + 100, 0, "dropped").exchange!, passed: false };
    const unknown = { status: "unconfirmed", text: "not known", at: T + 5 * SECOND };
    const commands = [set(T, 0, unknown), set(T + SECOND, 0, { status: "accepted", at: T + 2 * SECOND })];
    const acts = [limit(T + 1.1 * SECOND, 0)];
    expect(findings({ acts, asked: commands, exchanges: [dropped, acts[0]!.exchange!] })).toEqual([]);
  });

  test("takes what was done for the command that was answered, not for one that nobody heard", () => {
    const lives = [{ ...ALWAYS, name: "the bridge", from: T + SECOND, end: "", isAhead: false }];
    const accepted = { status: "accepted", at: T + 4 * SECOND };
    const commands = [set(T, 0), set(T + 3 * SECOND, 0, accepted)];
    expect(findings({ acts: [limit(T + 3.1 * SECOND, 0)], asked: commands, lives })).toEqual([]);
  });

  test("knows that what was refused may be asked again under its id", () => {
    const again = asked(
      T,
      { mode: "allowedLoad", value: 3, sentAt: [T, T + 3 * SECOND] },
      { status: "refused", at: T + 100 },
      { status: "accepted", at: T + 4 * SECOND },
    );
    expect(findings({ acts: [limit(T + 3.1 * SECOND, 3)], asked: [again] })).toEqual([]);
  });

  test("misses no answer of a bridge that was there", () => {
    expect(findings({ asked: [set(T, 3)] })).toEqual(["no answer"]);
    const lives = [{ name: "the bridge", from: 0, to: T + 100, end: "kill -9", isAhead: false }];
    expect(findings({ asked: [set(T, 3)], lives })).toEqual([]);
  });

  test("knows the clear of a change of mode from that of a revert that is under way as well", () => {
    const acts = [
      limit(T + 100, 3),
      clear(T + 10.3 * SECOND, { port: undefined }),
      act(T + 10.31 * SECOND, { mode: "percentShed", value: 6 }),
      clear(T + 10.4 * SECOND, { port: undefined }),
    ];
    const change = asked(T + 10 * SECOND, { mode: "percentShed", value: 6 }, { at: T + 10.35 * SECOND });
    const ended = asked(
      T + 10.1 * SECOND,
      { action: "revert", requester: "fleet", port: undefined },
      { at: T + 10.5 * SECOND },
    );
    expect(findings({ acts, asked: [set(T, 3, confirmed), change, ended] })).toEqual([]);
    // Without the revert, nothing explains the second clear.
    expect(findings({ acts, asked: [set(T, 3, confirmed), change] })).toEqual(["unintended write"]);
  });

  test("lets a controller that went away leave no limit behind whose answer was lost", () => {
    const own = set(T, 3, confirmed);
    const lost = asked(
      T + 10 * SECOND,
      { mode: "allowedLoad", value: 1, requester: "fleet" },
      { status: "unknown" },
    );
    const cut = { ...limit(T + 10.1 * SECOND, 1, "cut").exchange!, passed: false };
    const acts = [limit(T + 100, 3), clear(T + 20 * SECOND)];
    const away = { requester: "fleet", from: T + 15 * SECOND, to: T + 40 * SECOND };
    const exchanges = [...acts.map(({ exchange }) => exchange!), cut];
    expect(findings({ acts, exchanges, asked: [own, lost], absences: [away] })).toEqual([]);
    expect(findings({ acts, exchanges, asked: [own, lost] })).toEqual(["unintended write"]);
    expect(findings({ acts, asked: [own], absences: [away] })).toEqual(["unintended write"]);
  });

  test("takes what was over by a clock that was ahead for over in the lives after that too", () => {
    const held = set(T, 3, confirmed);
    const acts = [limit(T + 100, 3), clear(T + 20 * SECOND)];
    const life = (from: number, to: number, isAhead: boolean) => ({
      name: "the bridge",
      end: "",
      from,
      to,
      isAhead,
    });
    const lives = (isAhead: boolean) => [
      life(0, T + 5 * SECOND, false),
      life(T + 6 * SECOND, T + 10 * SECOND, isAhead),
      life(T + 12 * SECOND, Number.POSITIVE_INFINITY, false),
    ];
    expect(findings({ acts, asked: [held], lives: lives(true) })).toEqual([]);
    expect(findings({ acts, asked: [held], lives: lives(false) })).toEqual(["unintended write"]);
  });

  test("lets a limit whose answer was lost be put back when the other port was cleared", () => {
    const lost = set(T, 5, { status: "unknown" });
    const cut = { ...limit(T + 100, 5, "cut").exchange!, passed: false };
    const other = asked(T + 5 * SECOND, { action: "revert", port: "2", point: "allowedLoad_2" }, confirmed);
    const acts = [clear(T + 5.1 * SECOND, { port: "2" }), limit(T + 5.2 * SECOND, 5)];
    const exchanges = [...acts.map(({ exchange }) => exchange!), cut];
    expect(findings({ acts, exchanges, asked: [lost, other] })).toEqual([]);
    expect(findings({ acts, asked: [other] })).toEqual(["unintended write"]);
  });

  test("gives a clear to the command that says it was sent, not to one that says there was nothing to revert", () => {
    const text = "nothing to revert: nothing was written here, and no point has a Starting Value";
    const whole = asked(
      T + 8 * SECOND,
      { action: "revert device", port: undefined, point: undefined },
      { text, at: T + 10.2 * SECOND },
    );
    const one = revert(T + 9.9 * SECOND, { status: "accepted", at: T + 11 * SECOND });
    const acts = [limit(T + 100, 3), clear(T + 10.1 * SECOND)];
    expect(findings({ acts, asked: [set(T, 3, confirmed), whole, one] })).toEqual([]);
  });

  test("knows that a last answer may have been on its way when the bridge was killed", () => {
    const early = { status: "accepted", final: false, at: T + SECOND };
    const acts = [limit(T + 100, 3)];
    const life = (from: number, to: number) => ({
      name: "the bridge",
      end: "kill -9",
      from,
      to,
      isAhead: false,
    });
    const killed = (at: number) => [
      life(0, T + at * SECOND),
      life(T + 20 * SECOND, Number.POSITIVE_INFINITY),
    ];
    expect(findings({ acts, asked: [set(T, 3, early)], lives: killed(9) })).toEqual([]);
    expect(findings({ acts, asked: [set(T, 3, early)], lives: killed(4) })).toEqual(["no answer"]);
  });
});
