type Tick = (now: number) => void;

const ticks = new Set<Tick>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Calls `tick` now and once a second while the page can be seen. Returns the function that ends it. */
export function eachSecond(tick: Tick): () => void {
  ticks.add(tick);
  tick(Date.now());
  timer ??= setInterval(() => {
    if (!document.hidden) tickAll();
  }, 1000);
  return () => {
    ticks.delete(tick);
    if (ticks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tickAll(): void {
  const now = Date.now();
  for (const tick of ticks) tick(now);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) tickAll();
});
