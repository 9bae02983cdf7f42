"""The style sheet of the page. Colours: Okabe and Ito's, which most colour-blind readers can tell apart."""

STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1b1f24, #e6e9ec);
  --soft: light-dark(#56606b, #9aa5b1); --line: light-dark(#d8dee4, #39424c);
  --paper: light-dark(#ffffff, #15191e); --blue: light-dark(#0072b2, #56b4e9); }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 26px; margin: 8px 0; }
h2 { font-size: 19px; margin: 36px 0 6px; }
h3 { font-size: 15px; margin: 20px 0 4px; }
h4 { font-size: 13px; margin: 12px 0 2px; color: var(--soft); }
p { margin: 6px 0 12px; overflow-wrap: anywhere; }
section > p, figcaption, small { color: var(--soft); }
b { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 12px 5px 0; text-align: right; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; }
th[scope="row"] { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 110px; }
thead th:first-child { text-align: left; }
thead > tr > * { border-bottom: 1px solid var(--line); color: var(--soft); font-weight: 500; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
small { font-size: 12px; }
.pictures { display: flex; flex-wrap: wrap; gap: 24px; }
figure { margin: 8px 0; }
figcaption { font-size: 13px; padding-left: 52px; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
svg .name { fill: var(--soft); }
.frame { fill: none; stroke: var(--line); }
.grid { stroke: var(--line); stroke-width: 0.5; }
.true { stroke: var(--soft); stroke-dasharray: 5 4; }
.curve { fill: none; stroke: var(--blue); stroke-width: 2; }
.band { fill: var(--blue); opacity: 0.18; }
.dot { fill: var(--blue); }
.whisker { stroke: var(--blue); stroke-width: 1.5; opacity: 0.6; }
.legend svg.key { vertical-align: -1px; }
.r-exact { fill: #009e73; }
.r-one-early { fill: #56b4e9; }
.r-early { fill: #0072b2; }
.r-one-late { fill: #f0e442; }
.r-late { fill: #e69f00; }
.r-missed { fill: #d55e00; }
.r-false-alarm { fill: #cc79a7; }
.r-undecided { fill: #a7b0ba; }
details { margin: 6px 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
li { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 2px 0; padding: 8px 10px;
  border-left: 3px solid var(--line); font: 13px/1.45 ui-monospace, monospace; }
"""
