import { MAX_TAG, MAX_TEXT } from "./xml.ts";

/**
 * Maximum number of tags, above that of the largest answers: a page of 500 stations has 80,000, the loads of a group of
 * 5,000 stations 160,000.
 */
export const MAX_TAGS = 200_000;
/** Maximum length of a piece without a tag. */
const LONGEST_RUN = MAX_TEXT + MAX_TAG;
/** Size up to which answers, most pages among them, are not checked before they are read. */
const UNSEEN_BYTES = 1024 * 1024;

/** Checks a large answer while it is received, so that one that will be rejected is not kept until it is complete. */
export class MarkupGuard {
  #bytes = 0;
  #tags = 0;
  #run = 0;

  /** Checks a chunk; returns what is wrong with the answer so far, undefined where nothing is. */
  pass(chunk: Buffer): string | undefined {
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= UNSEEN_BYTES) return undefined;
    const text = chunk.toString("latin1");
    let last = 0;
    for (let open = text.indexOf("<"); open >= 0; open = text.indexOf("<", open + 1)) {
      this.#tags++;
      this.#run = 0;
      last = open;
    }
    this.#run += text.length - last;
    if (this.#tags > MAX_TAGS) return `the answer has more than ${MAX_TAGS} tags`;
    return this.#run > LONGEST_RUN ? `a tag or text of the answer exceeds ${MAX_TEXT} characters` : undefined;
  }
}
