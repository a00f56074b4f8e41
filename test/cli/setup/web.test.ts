import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { isPassword } from "../../../src/web/access/passwords.ts";
import { entryOf } from "../../../src/web/access/tokens.ts";
import { cli, RunningCli } from "../in-process.ts";

/** `voltbridge web user` with its standard input, a terminal or none. */
function user(args: readonly string[], isTTY: boolean) {
  const input = Object.assign(new PassThrough(), { isTTY });
  const running = new RunningCli(["web", "user", ...args], {}, { interactive: isTTY, input: () => input });
  return { input, running };
}

describe("voltbridge web user", () => {
  test("asks twice, shows no password, and prints the entry", async () => {
    const { input, running } = user(["ann", "--role", "admin"], true);
    const answer = async (question: RegExp, text: string) => {
      await running.printed(new RegExp(`${question.source}[^\\n]*: $`, "m"));
      // The question is no longer the end of a line.
      running.stdout += "(hidden)\n";
      input.write(`${text}\n`);
    };
    await answer(/Password of ann/, "short");
    await running.printed(/the password needs at least 8 characters/);
    await answer(/Password of ann/, "canary word ");
    await answer(/The same again/, "canary word");
    await running.printed(/two different passwords/);
    await answer(/Password of ann/, "canary word ");
    await answer(/The same again/, "canary word ");
    const { code, stdout, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain("canary");
    const entry = JSON.parse(stdout.trim().split("\n").at(-1)!) as { hash: string };
    expect(entry).toMatchObject({ name: "ann", role: "admin" });
    expect(await isPassword("canary word ", entry.hash)).toBe(true);
  });

  test("reads the password from a pipe, and prints the entry alone", async () => {
    const { input, running } = user(["ann"], false);
    input.end("canary-word\nsecond line\n");
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "Entry of web.users in the bridge config:\n" });
    const entry = JSON.parse(stdout) as { hash: string };
    expect(entry).toMatchObject({ name: "ann", role: "operate" });
    expect(await isPassword("canary-word", entry.hash)).toBe(true);
  });

  test.each([
    ["nothing", "", /no terminal to ask at, and no password on standard input/],
    ["seven characters", "1234567\n", /at least 8 characters/],
    ["a whole file", `${"x".repeat(1001)}\n`, /may have 1000 characters/],
  ])("refuses %s", async (_, text, message) => {
    const { input, running } = user(["ann"], false);
    input.end(text);
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });

  test("ends at Ctrl-C without a user", async () => {
    const { input, running } = user(["ann"], true);
    await running.printed(/Password of ann: $/m);
    input.end();
    expect(await running.ended).toMatchObject({ code: 1, stderr: /no user was made/ as never });
  });
});

describe("voltbridge web token", () => {
  test("prints a token once, and its entry", async () => {
    const { code, stdout } = await cli(["web", "token", "prometheus", "--json"]);
    expect(code).toBe(0);
    const { token, entry } = JSON.parse(stdout) as { token: string; entry: { hash: string } };
    expect(entry).toMatchObject({ name: "prometheus", role: "view" });
    expect(entryOf(token, [entry])).toBe(entry);
    const text = (await cli(["web", "token", "prometheus", "--role", "operate"])).stdout;
    expect(text).toMatch(/^Token, which is shown only now:\n\n {2}vbt_[\w-]{43}\n/);
    expect(JSON.parse(text.trim().split("\n").at(-1)!)).toMatchObject({ role: "operate" });
    expect(text).not.toContain(token);
  });
});

test.each([
  ["a name with a control character", ["web", "token", "a\u0007"]],
  ["no name", ["web", "user", " "]],
  ["an unknown role", ["web", "token", "a", "--role", "root"]],
])("%s is an error of usage", async (_, args) => {
  const { code, stderr } = await cli(args);
  expect(code).toBe(2);
  expect(stderr).not.toContain("\u0007");
});
