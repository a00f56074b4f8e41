/** Style of the page: light, dark, printed, and from the width of a phone. */
export const STYLE = `
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --line: #dfe3e9; --grid: #e9ecf0; --text: #1b2330; --soft: #5b6675;
  --c1: #2b6cb0; --c2: #c98a04; --c3: #c43d4b; --c4: #7a5bbf; --c5: #23867a; --c6: #b0568f; --c0: #98a2b0; }
@media (prefers-color-scheme: dark) { :root {
  --page: #12161c; --card: #1a2029; --line: #2d3643; --grid: #28303c; --text: #e7ebf1; --soft: #9aa6b6;
  --c1: #5b9fe3; --c2: #e0ac3f; --c3: #e8707c; --c4: #a58ce0; --c5: #4fb8aa; --c6: #d98abd; --c0: #768293; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); -webkit-text-size-adjust: 100%;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px; overflow-wrap: anywhere; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 16px; line-height: 1.35; margin: 0 0 2px; }
p { margin: 0; } .soft { color: var(--soft); } .note { color: var(--soft); font-size: 13px; margin-bottom: 12px; }
table + .note, .scroll + .note { margin: 10px 0 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 12px; margin: 22px 0 14px; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 12px 16px 14px; } .tile dt { font-size: 13px; color: var(--soft); }
.tile dd { margin: 0; font-size: 13px; line-height: 1.4; color: var(--soft); }
.tile dd.figure { font-size: 23px; line-height: 1.3; font-weight: 650; letter-spacing: -0.01em; color: var(--text); }
.cards { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; }
section { padding: 18px 20px; min-width: 0; } section.wide { grid-column: 1 / -1; }
svg { display: block; width: 100%; overflow: visible; font-size: 12.5px; }
svg text { fill: var(--text); } svg .tick { fill: var(--soft); }
svg .grid { stroke: var(--grid); } svg .hit { fill: transparent; } svg g:hover .hit { fill: var(--grid); }
svg .part { stroke: var(--card); stroke-width: 1; }
.plot { display: grid; grid-template-columns: 44px minmax(0, 1fr); column-gap: 8px; }
.bars { list-style: none; margin: 0; padding: 0; font-size: 13px; display: grid; grid-template-columns: fit-content(210px) minmax(0, 1fr) auto; column-gap: 10px; }
.bars li { grid-column: 1 / -1; display: grid; grid-template-columns: subgrid; align-items: center; padding: 4px 0; line-height: 1.3; }
.bars .label { text-align: right; } .bars svg { height: 16px; overflow: hidden; }
.bars .value { color: var(--soft); font-variant-numeric: tabular-nums; min-width: 44px; }
.tone-0 { fill: var(--c0); background: var(--c0); } .tone-1 { fill: var(--c1); background: var(--c1); }
.tone-2 { fill: var(--c2); background: var(--c2); } .tone-3 { fill: var(--c3); background: var(--c3); }
.tone-4 { fill: var(--c4); background: var(--c4); } .tone-5 { fill: var(--c5); background: var(--c5); }
.tone-6 { fill: var(--c6); background: var(--c6); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-bottom: 8px; font-size: 13px; color: var(--soft); }
.key { display: inline-flex; align-items: center; gap: 6px; } .key i { width: 11px; height: 11px; border-radius: 3px; }
.bars + table, .bars + .scroll { margin-top: 18px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { padding: 5px 14px 5px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--grid); }
th { color: var(--soft); font-weight: 600; overflow-wrap: normal; border-bottom-color: var(--line); vertical-align: bottom; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } td.number { white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
tr.total td { font-weight: 650; border-top: 1px solid var(--line); }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
.scroll th, .scroll td { overflow-wrap: normal; } .scroll th { white-space: nowrap; }
footer { margin-top: 22px; font-size: 13px; color: var(--soft); }
@media screen and (max-width: 860px) { .cards { grid-template-columns: minmax(0, 1fr); } }
@media screen and (max-width: 560px) {
  main { padding: 18px 12px 40px; } section { padding: 14px; } h1 { font-size: 22px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; } .tile { padding: 10px 12px 12px; } .tile dd.figure { font-size: 19px; }
  .wide-only { display: none; }
  .bars { grid-template-columns: minmax(0, 1fr) auto; } .bars li { row-gap: 2px; padding: 5px 0; }
  .bars .label { grid-column: 1 / -1; text-align: left; }
  .scroll th:first-child, .scroll td:first-child { position: sticky; left: 0; background: var(--card); min-width: 9em; max-width: 45vw; }
  .cards-on-phone, .cards-on-phone tbody, .cards-on-phone tr { display: block; }
  .cards-on-phone thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards-on-phone tr { display: grid; grid-template-columns: repeat(auto-fit, minmax(88px, 1fr)); gap: 4px 12px; padding: 9px 0; border-bottom: 1px solid var(--line); }
  .cards-on-phone tr:last-child { border-bottom: 0; }
  .cards-on-phone td, .cards-on-phone td.number { border: 0; padding: 0; text-align: left; white-space: normal; }
  .cards-on-phone td::before { content: attr(data-label); display: block; font-size: 12px; color: var(--soft); }
  .cards-on-phone td:first-child { grid-column: 1 / -1; font-weight: 650; } .cards-on-phone td:first-child::before { display: none; } }
@media print { :root { color-scheme: light;
    --page: #fff; --card: #fff; --line: #c9ced6; --grid: #e3e6eb; --text: #000; --soft: #444;
    --c1: #2b6cb0; --c2: #c98a04; --c3: #c43d4b; --c4: #7a5bbf; --c5: #23867a; --c6: #b0568f; --c0: #98a2b0; }
  @page { size: A4; margin: 14mm; }
  body { font-size: 11px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; } .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); } .tile dd.figure { font-size: 18px; }
  table, .bars, svg { font-size: 10px; } .bars { grid-template-columns: fit-content(150px) minmax(0, 1fr) auto; }
  section, .tile { break-inside: avoid; } section.long { break-inside: auto; }
  tr { break-inside: avoid; } thead { display: table-header-group; } .scroll { overflow: visible; } }
`;
