// Words for labels and outcomes, and their chips.

const CLEAN = -1;
const UNDECIDED = -2;
const ABSENT = -3;
const ANSWERS = { correct: "right", incorrect: "wrong", undecided: "undecided" };

const kindOf = (named) =>
  named >= 0 ? "flawed" : { [CLEAN]: "clean", [UNDECIDED]: "silent", [ABSENT]: "absent" }[named];

function sayNamed(named) {
  if (named >= 0) return `step ${named}`;
  return { [CLEAN]: "no error", [UNDECIDED]: "undecided", [ABSENT]: "–" }[named];
}

function labelChip(label, confidence) {
  const sure = confidence === null || confidence === undefined ? "" : ` · ${confidence.toFixed(2)}`;
  if (label >= 0) return el("span", { class: "chip wrong" }, `✗ step ${label}${sure}`);
  if (label === CLEAN) return el("span", { class: "chip right" }, `✓ no error${sure}`);
  return el("span", { class: "chip aside" }, label === UNDECIDED ? "set aside" : "left out");
}

const answerChip = (outcome) =>
  el("span", { class: `chip answer ${outcome}` }, `answer ${ANSWERS[outcome] ?? outcome}`);
