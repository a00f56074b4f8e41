import { effect, type ReadonlySignal } from "@preact/signals-core";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

/** Returns the value of a signal and draws the component again when it changes. */
export function useSignalValue<T>(source: ReadonlySignal<T>): T {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const shown = useRef<T>(source.peek());
  shown.current = source.peek();
  useLayoutEffect(
    () =>
      effect(() => {
        if (source.value !== shown.current) redraw(undefined);
      }),
    [source],
  );
  return shown.current;
}
