/** A name from outside: text in whatever direction, on one line, with the whole of it on hover. */
export function Name({ text, class: more }: { text: string; class?: string }) {
  return (
    <bdi class={more ? `name ${more}` : "name"} title={text}>
      {text}
    </bdi>
  );
}
