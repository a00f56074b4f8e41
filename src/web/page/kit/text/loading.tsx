import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { explain } from "../../state/requests/api-error.ts";
import type { Loaded } from "../../state/requests/loaded.ts";

interface LoadedViewProps<T> {
  readonly of: Loaded<T>;
  /** What is loaded, as in "the sessions of May": for the words of a wait and a failure. */
  readonly what: string;
  /** Lines of the skeleton. Default: 3. */
  readonly lines?: number;
  readonly children: (value: T) => ComponentChildren;
}

/** Shows a loaded value, or why it is not there yet. A value that is there stays while it is loaded again. */
export function LoadedView<T>({ of, what, lines, children }: LoadedViewProps<T>) {
  if (of.value === undefined) {
    if (of.error !== undefined) return <Failed error={of.error} what={what} onRetry={of.reload} />;
    return <Skeleton what={what} lines={lines} />;
  }
  return (
    <>
      {of.error !== undefined && <Failed error={of.error} what={what} onRetry={of.reload} />}
      {children(of.value)}
    </>
  );
}

/** Time after which a wait is explained, in milliseconds. */
const LONG = 10_000;

/** Grey lines where a value will be; after ten seconds a sentence says what is going on. */
export function Skeleton({ what, lines = 3 }: { what: string; lines?: number | undefined }) {
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div>
      <p class="hidden-text">Loading {what}</p>
      <div class="skeleton" aria-hidden="true">
        {Array.from({ length: lines }, (_, index) => (
          <span key={index} />
        ))}
      </div>
      {long && (
        <p class="quiet">
          Still waiting for {what}. The bridge has the request and has not answered yet; long ranges and busy
          stores take longer.
        </p>
      )}
    </div>
  );
}

/** Says what happened, what is safe and what to do. */
export function Failed({
  error,
  what,
  onRetry,
}: {
  error: unknown;
  what: string;
  onRetry?: (() => void) | undefined;
}) {
  const { happened, safe, todo } = explain(error, what);
  return (
    <div class="notice failed" role="alert">
      <p>
        <strong>{happened}</strong>
      </p>
      <p>
        {safe} {todo}
      </p>
      {onRetry && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Says what would be here, and in `children` how to get it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="notice">
      <p>
        <strong>{title}</strong>
      </p>
      {children && <div class="quiet">{children}</div>}
    </div>
  );
}
