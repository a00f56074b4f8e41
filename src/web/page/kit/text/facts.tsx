import type { ComponentChildren } from "preact";

/** A name and its value; anything else leaves it out. */
export type Fact = readonly [name: string, value: ComponentChildren] | false | null | undefined | "";

/** Names and values, one below the other. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(
        (fact) =>
          fact && (
            <div key={fact[0]}>
              <dt>{fact[0]}</dt>
              <dd>{fact[1]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
