import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { place } from "../../state/browser/router.ts";

/** The heading of a view: names the window, and takes the focus when the reader came here by a link. */
export function PageHeading({
  title,
  hidden,
  children,
}: {
  title: string;
  hidden?: boolean;
  children?: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · voltbridge`;
  }, [title]);
  useEffect(() => {
    const { by } = place.peek();
    if (by === "link" || by === "back") heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1} class={hidden ? "hidden-text" : undefined}>
      {children ?? title}
    </h1>
  );
}
