import { useEffect, useRef, useState } from "preact/hooks";
import type { CellPlace } from "./model/selection.ts";
import { countCells, findCell, type Sheet } from "./model/sheet.ts";

/** Finds a text in the cells: Enter finds the next one, Shift and Enter the previous one, Esc closes it. */
export function FindBar({
  sheet,
  from,
  onFound,
  onClose,
}: {
  sheet: Sheet;
  from: CellPlace;
  onFound: (place: CellPlace) => void;
  onClose: () => void;
}) {
  const [text, setText] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const count = countCells(sheet, text);
  const go = (way: 1 | -1, start = from): void => {
    const found = findCell(sheet, text, start, way);
    if (found) onFound(found);
  };
  return (
    <search class="row find-bar" data-keys="own">
      <label for="find">Find</label>
      <input
        ref={field}
        id="find"
        class="input"
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          const found = findCell(sheet, currentTarget.value, { row: from.row, column: from.column - 1 }, 1);
          if (found) onFound(found);
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
          else if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <button type="button" class="button" disabled={count === 0} onClick={() => go(-1)}>
        Previous
      </button>
      <button type="button" class="button" disabled={count === 0} onClick={() => go(1)}>
        Next
      </button>
      <span role="status" class="quiet">
        {text === "" ? "" : count === 1 ? "1 cell has it" : `${count} cells have it`}
      </span>
      <button type="button" class="button plain" aria-label="Close" onClick={onClose}>
        ✕
      </button>
    </search>
  );
}
