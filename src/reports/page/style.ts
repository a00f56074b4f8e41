/** Style of the page: light, dark and printed. */
export const STYLE = `
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --line: #dfe3e9; --grid: #e9ecf0; --text: #1b2330; --soft: #5b6675;
  --c1: #2b6cb0; --c2: #c98a04; --c3: #c43d4b; --c4: #7a5bbf; --c5: #23867a; --c6: #b0568f; --c0: #98a2b0; }
@media (prefers-color-scheme: dark) { :root {
  --page: #12161c; --card: #1a2029; --line: #2d3643; --grid: #28303c; --text: #e7ebf1; --soft: #9aa6b6;
  --c1: #5b9fe3; --c2: #e0ac3f; --c3: #e8707c; --c4: #a58ce0; --c5: #4fb8aa; --c6: #d98abd; --c0: #768293; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 16px; margin: 0 0 2px; }
p { margin: 0; } .soft { color: var(--soft); } .note { color: var(--soft); font-size: 13px; margin-bottom: 12px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 22px 0; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 14px 16px; } .tile b { display: block; font-size: 23px; line-height: 1.25; font-weight: 650;
  letter-spacing: -0.01em; white-space: nowrap; } .tile span { font-size: 13px; color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; }
section { padding: 18px 20px; min-width: 0; } section.wide { grid-column: 1 / -1; }
@media (max-width: 860px) { .cards { grid-template-columns: minmax(0, 1fr); } }
svg { display: block; width: 100%; height: auto; overflow: visible; font-size: 12.5px; }
section:not(.wide) svg { max-width: 620px; }
svg text { fill: var(--text); } svg .tick { fill: var(--soft); } svg .value { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--grid); } svg .hit { fill: transparent; } svg g:hover .hit { fill: var(--grid); }
svg .part { stroke: var(--card); stroke-width: 1; }
.tone-0 { fill: var(--c0); background: var(--c0); } .tone-1 { fill: var(--c1); background: var(--c1); }
.tone-2 { fill: var(--c2); background: var(--c2); } .tone-3 { fill: var(--c3); background: var(--c3); }
.tone-4 { fill: var(--c4); background: var(--c4); } .tone-5 { fill: var(--c5); background: var(--c5); }
.tone-6 { fill: var(--c6); background: var(--c6); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-bottom: 8px; font-size: 13px; color: var(--soft); }
.key { display: inline-flex; align-items: center; gap: 6px; } .key i { width: 11px; height: 11px; border-radius: 3px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { padding: 5px 10px 5px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--grid); overflow-wrap: break-word; }
th { color: var(--soft); font-weight: 600; border-bottom-color: var(--line); white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.total td { font-weight: 650; border-top: 1px solid var(--line); }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
footer { margin-top: 22px; font-size: 13px; color: var(--soft); }
@media print { :root { color-scheme: light;
    --page: #fff; --card: #fff; --line: #c9ced6; --grid: #e3e6eb; --text: #000; --soft: #444;
    --c1: #2b6cb0; --c2: #c98a04; --c3: #c43d4b; --c4: #7a5bbf; --c5: #23867a; --c6: #b0568f; --c0: #98a2b0; }
  @page { size: A4; margin: 14mm; }
  body { font-size: 11px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; } section, .tile { break-inside: avoid; } section.long { break-inside: auto; }
  tr { break-inside: avoid; } thead { display: table-header-group; } }
`;
