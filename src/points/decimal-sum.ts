/** Up to here a double holds every whole number, with room for the rounding of one multiplication. */
const LARGEST_EXACT = 2 ** 51;

/**
 * Sum and mean of numbers as they were measured. 0.1 + 0.2 is 0.3, as on paper: a sum has no more decimals than its terms.
 * Where that many digits are more than a double holds, the result is that of binary addition.
 */
export class DecimalSum {
  #sum = 0;
  /** What the additions so far have rounded away (Neumaier). */
  #lost = 0;
  #decimals = 0;

  add(value: number): void {
    const sum = this.#sum + value;
    this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
    if (!Number.isInteger(value)) this.#decimals = Math.max(this.#decimals, decimalsOf(value));
  }

  get total(): number {
    return this.#dividedBy(1);
  }

  /** The total divided by how many there are. */
  mean(count: number): number {
    return this.#dividedBy(count);
  }

  #dividedBy(count: number): number {
    // Not a number where a term was infinite; the sum then is right without it.
    const sum = Number.isFinite(this.#lost) ? this.#sum + this.#lost : this.#sum;
    const scale = 10 ** this.#decimals;
    const digits = Math.round(sum * scale);
    const divisor = scale * count;
    const exact = Math.abs(digits) < LARGEST_EXACT && divisor < LARGEST_EXACT;
    return exact ? digits / divisor : sum / count;
  }
}

/** Decimals of the shortest text of a number: 3 of 6.589, 7 of 1e-7. */
function decimalsOf(value: number): number {
  const [digits = "", exponent = "0"] = String(value).split("e");
  const point = digits.indexOf(".");
  return Math.max(0, (point === -1 ? 0 : digits.length - point - 1) - Number(exponent));
}
