/** Below this a double represents every whole number, including the rounding of one multiplication. */
const MAX_EXACT = 2 ** 51;

/**
 * Decimal sum and mean. 0.1 + 0.2 is 0.3: a sum has no more decimals than its terms. If a double cannot represent that many digits, the
 * result is that of binary addition.
 */
export class DecimalSum {
  #sum = 0;
  /** Accumulated rounding error (Neumaier). */
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

  /** Returns the total divided by the number of terms. */
  mean(count: number): number {
    return this.#dividedBy(count);
  }

  #dividedBy(count: number): number {
    // NaN after an infinite term; the sum is then correct without it.
    const sum = Number.isFinite(this.#lost) ? this.#sum + this.#lost : this.#sum;
    const scale = 10 ** this.#decimals;
    const digits = Math.round(sum * scale);
    const divisor = scale * count;
    const exact = Math.abs(digits) < MAX_EXACT && divisor < MAX_EXACT;
    return exact ? digits / divisor : sum / count;
  }
}

/** Number of decimals that are found without a text, which takes ten times as long. */
const FEW = 6;

/** Returns the decimals of a number's shortest text: 3 for 6.589, 7 for 1e-7. */
function decimalsOf(value: number): number {
  for (let decimals = 1, scale = 10; decimals <= FEW; decimals++, scale *= 10) {
    const digits = Math.round(value * scale);
    if (digits / scale === value && Math.abs(digits) < MAX_EXACT) return decimals;
  }
  const [digits = "", exponent = "0"] = String(value).split("e");
  const point = digits.indexOf(".");
  return Math.max(0, (point === -1 ? 0 : digits.length - point - 1) - Number(exponent));
}
