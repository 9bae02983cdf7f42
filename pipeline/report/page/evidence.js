// Kinds of evidence, told apart by their shape: no annotator is known here by name.
//
// A kind turns the field of a verdict into lanes beside the steps, notes under them, or a message.
// Places: a step's number, or one of START (before the first step), NONE (no step is wrong), MISSING.

const START = "start";
const NONE = "none";
const MISSING = "missing";
const KNOWN_FIELDS = ["solution_id", "annotator", "first_error", "reason", "confidence", "cost"];

const isList = (value, has) =>
  Array.isArray(value) && value.length > 0 &&
  value.every((one) => one !== null && typeof one === "object" && has.every((key) => key in one));
const isNumbers = (value, length) =>
  Array.isArray(value) && value.length === length && length > 0 &&
  value.every((one) => one === null || typeof one === "number") && value.some((one) => one !== null);

const KINDS = [
  { fits: (value) => isList(value, ["prefix", "right", "decided"]), show: counts },
  { fits: (value) => isList(value, ["first_error", "rationale"]), show: votes },
  { fits: (value) => isList(value, ["step", "start", "end"]), show: spans },
  { fits: (value, steps, field) => isNumbers(value, steps + 1) || field === "log_likelihood" && Array.isArray(value) && value.length === steps + 1, show: distribution },
  { fits: isNumbers, show: scores },
];

/** {lanes, notes: [place, node], marks: [step, span], messages} of all verdicts. */
function evidenceOf(verdicts, steps) {
  const found = { lanes: [], notes: [], marks: [], messages: [] };
  for (const verdict of verdicts) {
    const who = plain(verdict.annotator);
    for (const [field, value] of Object.entries(verdict)) {
      if (KNOWN_FIELDS.includes(field) || value === null || value.length === 0) continue;
      const kind = KINDS.find(({ fits }) => fits(value, steps, field));
      if (kind !== undefined) kind.show(found, who, value, field);
      else found.messages.push([who, field.replaceAll("_", " "), value]);
    }
  }
  return found;
}

const lane = (who, what, why, cells) => ({ who, what, why, cells });

/** k of n after each step, with Wilson's 95% interval (Wilson 1927). */
function counts(found, who, value) {
  const cells = new Map();
  for (const { prefix, right, decided, undecided } of value) {
    const more = undecided ? `, ${undecided} undecided` : "";
    cells.set(prefix === 0 ? START : prefix - 1, bar(
      decided ? right / decided : 0, `${right}/${decided}${undecided ? ` +${undecided}?` : ""}`,
      `${who}: ${right} of ${decided} rollouts right${more}`, "k-right", wilson(right, decided)));
  }
  found.lanes.push(lane(who, "k of n", "rollouts from after this step that reach the known answer, with a 95% interval", cells));
}

function votes(found, who, value) {
  const cells = new Map();
  const places = new Map();
  value.forEach((vote, number) => {
    const named = vote.first_error;
    const place = named === null ? MISSING : named < 0 ? NONE : named;
    places.set(place, (places.get(place) ?? 0) + 1);
    const title = `${who}, vote ${number + 1} of ${value.length}${named === null ? `, missing: ${vote.reason ?? "no reason given"}` : ""}`;
    const text = vote.rationale.trim();
    const rest = Object.entries(vote).filter(([key, one]) =>
      !["first_error", "rationale", "reason"].includes(key) && one !== null);
    found.notes.push([place, el("details", { class: "note vote" },
      el("summary", {}, el("span", {}, foreign(title)), " ", el("span", { class: "start" }, plain(text.slice(0, 160)))),
      text ? said("div", { class: "rationale" }, text) : el("div", { class: "rationale" }, "It gave no reason."),
      rest.map(([key, one]) => message(key, one)))]);
  });
  for (const [place, n] of places) {
    cells.set(place, bar(n / value.length, `${n}/${value.length}`, `${who}: ${n} of ${value.length} votes`, "k-vote"));
  }
  found.lanes.push(lane(who, "votes", "votes that name this step as the first wrong one", cells));
}

/** Claims in the steps' text: underlined there, and how many of them hold beside it. */
function spans(found, who, value) {
  const cells = new Map();
  for (const span of value) found.marks.push({ who, ...span });
  for (const step of new Set(value.map((span) => span.step))) {
    const here = value.filter((span) => span.step === step);
    const holds = here.filter(({ status }) => status === "exact").length;
    const fails = here.filter(({ status }) => status === "contradicted").length;
    cells.set(step, el("div", { class: "tally", title: here.map((span) => sayCheck({ who, ...span })).join("\n") },
      holds ? el("span", { class: "exact" }, `✓ ${holds} `) : null,
      fails ? el("span", { class: "contradicted" }, `✗ ${fails} `) : null,
      here.length > holds + fails ? el("span", {}, `? ${here.length - holds - fails}`) : null));
  }
  found.lanes.push(lane(who, "claims", "executed claims of this step that hold (✓), that don't (✗) and that could not be checked (?)", cells));
}

function scores(found, who, value, field) {
  const numbers = value.filter((one) => one !== null);
  const low = Math.min(0, ...numbers);
  const high = Math.max(1, ...numbers);
  const cells = new Map();
  value.forEach((one, step) => {
    if (one !== null) cells.set(step, bar((one - low) / (high - low), one.toFixed(2), `${who}: ${field} ${one}`, "k-score"));
  });
  found.lanes.push(lane(who, field.replaceAll("_", " "), `${field} of each step`, cells));
}

/** Over no error and each step; logarithms, if any is above 1 or below 0 or they don't sum to one. */
function distribution(found, who, value, field) {
  const sum = value.reduce((total, one) => total + (one ?? 0), 0);
  const chances = value.every((one) => one !== null && one >= 0) && Math.abs(sum - 1) < 0.01
    ? value : softmax(value);
  const cells = new Map();
  chances.forEach((chance, place) => {
    if (chance >= 0.005) {
      cells.set(place === 0 ? NONE : place - 1, bar(chance, chance.toFixed(2), `${who}: ${(100 * chance).toFixed(1)}%`, "k-chance"));
    }
  });
  const why = chances === value ? field : "chance that this is the first error by this evidence alone, every place alike beforehand";
  found.lanes.push(lane(who, "first error?", why, cells));
}

function softmax(logs) {
  const known = logs.filter((one) => one !== null);
  const most = Math.max(...known);
  const weights = logs.map((one) => (one === null ? 0 : Math.exp(one - most)));
  const sum = weights.reduce((a, b) => a + b, 0) || 1;
  return weights.map((weight) => weight / sum);
}

function wilson(right, n) {
  if (!n) return null;
  const z2 = 1.96 * 1.96;
  const p = right / n;
  const middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (1.96 * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n))) / (1 + z2 / n);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** A share as a bar with its figure; `interval` as a thin line through its end. */
function bar(share, text, title, kind, interval = null) {
  const full = el("i", { class: `fill ${kind}` });
  full.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  const parts = [full];
  if (interval !== null) {
    const line = el("i", { class: "interval" });
    line.style.left = `${100 * interval[0]}%`;
    line.style.width = `${100 * (interval[1] - interval[0])}%`;
    parts.push(line);
  }
  return el("div", { class: "measure", title }, el("span", { class: "track", "aria-hidden": "true" }, parts), el("span", { class: "figure" }, text));
}

/** Anything else that a verdict holds: its name and its text. */
function message(name, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return el("div", { class: "message" }, el("b", {}, plain(name)), " ", said("span", {}, text));
}
