import { type ReadonlySignal, signal } from "@preact/signals-core";

function matching(query: string): ReadonlySignal<boolean> {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener("change", () => {
    matches.value = list.matches;
  });
  return matches;
}

/** The window is as narrow as a phone; the same width as in styles/. */
export const narrow = matching("(max-width: 700px)");
/** The system asks for dark colours. */
export const dark = matching("(prefers-color-scheme: dark)");
