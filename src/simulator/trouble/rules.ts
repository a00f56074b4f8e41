import { readFileSync } from "node:fs";
import { type Diagnostic, formatDiagnostic } from "../../config/files/diagnostic.ts";
import { closest } from "../../config/files/did-you-mean.ts";
import { unreadable } from "../../config/files/file-access.ts";
import { JsonDocument, type JsonPath, pathText } from "../../config/files/json-document.ts";
import { checkValue } from "../../config/schema/check.ts";
import type { Operation } from "../../drivers/chargepoint/api/message.ts";
import { operations } from "../../drivers/chargepoint/api/operations/index.ts";
import { rulesSchema } from "./schema.ts";
import type { TroubleRule } from "./trouble.ts";

/** The rules are invalid. The message has one line per problem. */
export class TroubleRulesError extends Error {
  override readonly name = "TroubleRulesError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((diagnostic) => formatDiagnostic(diagnostic)).join("\n"));
    this.diagnostics = diagnostics;
  }
}

/** The contents of the network; a rule for anything else would never apply. */
export interface Known {
  readonly accounts: readonly string[];
  hasStation(stationID: string): boolean;
}

/** Reads rules from a JSON file: one, or a list; comments and trailing commas are allowed. @throws TroubleRulesError */
export function readTroubleFile(file: string, known: Known): TroubleRule[] {
  let source: string;
  try {
    source = readFileSync(file, "utf8");
  } catch (error) {
    throw new TroubleRulesError([unreadable(file, error)]);
  }
  return parseTroubleRules(source, file, known);
}

/** As {@link readTroubleFile}; `file` is what messages call the source. @throws TroubleRulesError */
export function parseTroubleRules(source: string, file: string, known: Known): TroubleRule[] {
  const document = new JsonDocument(file, source);
  if (document.problems.length > 0) throw new TroubleRulesError(document.problems);
  const { value } = document;
  const problems = checkValue(document, value, rulesSchema(value));
  if (problems.length > 0) throw new TroubleRulesError(problems);
  const isList = Array.isArray(value);
  const rules = (isList ? value : [value]) as TroubleRule[];
  const misfits = rules.flatMap((rule, index) => misfitsOf(rule, document, isList ? [index] : [], known));
  if (misfits.length > 0) throw new TroubleRulesError(misfits);
  return rules;
}

/** Reports valid rules that would never apply. */
function misfitsOf(rule: TroubleRule, document: JsonDocument, path: JsonPath, known: Known): Diagnostic[] {
  const { account, stationID, effect } = rule;
  const operation = rule.operation as keyof typeof operations | undefined;
  const problems: Diagnostic[] = [];
  const say = (key: string, message: string, suggestion?: string): void => {
    problems.push({
      code: "never_hits",
      severity: "error",
      file: document.file,
      ...document.place([...path, key]),
      path: pathText([...path, key]),
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  };
  if (account !== undefined && !known.accounts.includes(account)) {
    say("account", `there is no account ${JSON.stringify(account)}`, closest(account, known.accounts));
  }
  if (stationID !== undefined && !known.hasStation(stationID)) {
    say("stationID", `there is no station ${JSON.stringify(stationID)} in this network`);
  }
  if (operation !== undefined) {
    const { paging, effect: does }: Operation = operations[operation];
    if (effect.kind === "paging" && !paging) say("operation", `${operation} does not come in pages`);
    if (effect.kind === "late" && does === "read") say("operation", `${operation} writes nothing`);
  }
  return problems;
}
