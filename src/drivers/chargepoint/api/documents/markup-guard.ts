import { MAX_TAG, MAX_TEXT } from "./xml.ts";

/** More tags than the largest answers have: a page of 500 stations 80,000, the loads of a group of 5,000 stations 160,000. */
export const MOST_TAGS = 200_000;
/** Longest piece without a tag. */
const LONGEST_RUN = MAX_TEXT + MAX_TAG;
/** Answers up to this size, most pages among them, are not looked through before they are read. */
const UNSEEN_BYTES = 1024 * 1024;

/** Looks through a large answer while it comes, so that what will be refused is not kept until all of it is there. */
export class MarkupGuard {
  #bytes = 0;
  #tags = 0;
  #run = 0;

  /** What is wrong with it so far; undefined for nothing. */
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
    if (this.#tags > MOST_TAGS) return `the answer has more than ${MOST_TAGS} tags`;
    return this.#run > LONGEST_RUN ? `a tag or text of the answer exceeds ${MAX_TEXT} characters` : undefined;
  }
}
