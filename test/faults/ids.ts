/** The behaviours of `docs/reliability.md`, in their order. */
export const IDS: readonly string[] = [...numbered("A", 29), ...numbered("B", 17)];

function numbered(letter: string, last: number): string[] {
  return Array.from({ length: last }, (_, i) => `${letter}${i + 1}`);
}
