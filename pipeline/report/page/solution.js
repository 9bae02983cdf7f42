// One solution: its steps, and beside and under each what every witness saw there.

const STEP_WORDS = { 1: "right", "-1": "first error", 0: "neutral", null: "unknown" };
const STEP_CLASSES = { 1: "right", "-1": "wrong", 0: "neutral", null: "unknown" };
const STEP_SIGNS = { 1: "✓", "-1": "✗", 0: "○", null: "·" };
const CHECK_WORDS = { exact: "holds", contradicted: "does not hold", unchecked: "could not be checked" };

function solutionView(detail, link) {
  const { solution, label, verdicts, truth } = detail;
  const found = evidenceOf(verdicts, detail.steps);
  return el("article", { class: "solution" },
    el("div", { class: "top" },
      el("h1", {}, el("span", { class: "id" }, plain(solution.id)), " ", el("a", { href: link, class: "permalink", title: "Link to this solution" }, "#")),
      el("p", { class: "facts" }, facts(solution))),
    verdictLine(label, truth),
    el("div", { class: "context" },
      el("div", { class: "asked" },
        said("div", { class: "problem", tabindex: "0" }, solution.question),
        solution.reference ? el("details", { class: "note" }, el("summary", {}, "Reference solution"), said("div", { class: "rationale" }, solution.reference)) : null),
      verdictTable(verdicts, label)),
    stepTable(detail, found),
    found.messages.length ? el("section", {}, el("h2", {}, "Also said"), found.messages.map(([who, field, value]) => message(`${who}: ${field}`, value))) : null);
}

function facts(solution) {
  const answer = solution.answer === null ? ["no answer was found"] : ["answer ", said("b", {}, solution.answer)];
  const why = solution.outcome_reason ? ` (${plain(solution.outcome_reason)})` : "";
  const parts = [
    [...answer, ", known ", said("b", {}, solution.gold), ": ", answerChip(solution.outcome), why],
    ["problem ", said("b", {}, solution.problem_id), `, attempt ${solution.index}`],
    solution.level ? ["level ", said("b", {}, solution.level)] : null,
    ["by ", said("b", {}, solution.generator)],
    solution.finish_reason !== "stop" ? [`ended by ${plain(solution.finish_reason)}`] : null,
    solution.given ? [`its first ${solution.given} steps were given`] : null,
  ].filter((part) => part !== null);
  return parts.map((part) => el("span", {}, part));
}

function verdictLine(label, truth) {
  const parts = [];
  if (label === null) parts.push(el("span", { class: "chip aside" }, "no label"), " it was left out, or is not labelled yet");
  else {
    parts.push(labelChip(label.first_error ?? UNDECIDED, label.confidence));
    if (label.first_error === null) parts.push(" ", said("span", {}, label.reason ?? "no reason given"));
    else if (label.agreed?.length) parts.push(` named by ${plain(label.agreed.join(", "))}`);
  }
  if (truth !== null) {
    const same = label !== null && label.first_error === truth;
    const kind = label === null || label.first_error === null ? "aside" : same ? "right" : "bad";
    parts.push(" ", el("span", { class: `chip ${kind}` }, `truth: ${sayNamed(truth)}`));
  }
  return el("p", { class: "verdict" }, parts);
}

function verdictTable(verdicts, label) {
  const agreed = new Set(label?.agreed ?? []);
  const columns = [
    ["first error", null, (verdict) => sayNamed(verdict.first_error ?? UNDECIDED)],
    ["sure", null, (verdict) => verdict.confidence?.toFixed(2) ?? ""],
    ["why none", "text", (verdict) => (verdict.reason ? said("span", {}, verdict.reason) : "")],
    ["calls", null, (verdict) => (verdict.cost?.calls ?? 0).toLocaleString("en")],
    ["tokens", null, (verdict) => (verdict.cost?.completion_tokens ?? 0).toLocaleString("en")],
  ].filter(([, , show]) => verdicts.some((verdict) => !["", "0"].includes(show(verdict))));
  const rows = verdicts.map((verdict) =>
    el("tr", { class: agreed.has(verdict.annotator) ? "agreed" : null },
      el("th", { scope: "row" }, plain(verdict.annotator)),
      columns.map(([, kind, show]) => el("td", { class: kind }, show(verdict)))));
  return el("div", { class: "wide" }, el("table", { class: "verdicts" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "witness"), columns.map(([name, kind]) => el("th", { scope: "col", class: kind }, name)))),
    el("tbody", {}, rows)));
}

function stepTable(detail, found) {
  const { solution, label, verdicts, truth } = detail;
  const lanes = found.lanes;
  const head = el("tr", {},
    el("th", { scope: "col" }, "step"),
    el("th", { scope: "col", class: "text" }, "what it says, and why it is labelled so"),
    lanes.map(({ who, what, why }) => el("th", { scope: "col", class: "lane", title: why }, who, el("br"), el("small", {}, what))));
  const row = (place, number, body, kind) => {
    const notes = found.notes.filter(([at]) => at === place).map(([, note]) => note);
    return el("tr", { class: `step ${kind}`, "data-place": place },
      el("th", { scope: "row" }, number),
      el("td", { class: "text" }, body, notes),
      lanes.map(({ cells }) => el("td", { class: "lane" }, cells.get(place) ?? null)));
  };
  const spoken = (place) => lanes.some(({ cells }) => cells.has(place)) || found.notes.some(([at]) => at === place);
  const kept = label !== null && label.first_error !== null;
  const rows = [];
  if (spoken(START)) rows.push(row(START, unseen("start"), el("span", { class: "place" }, "from the problem alone"), "edge"));
  solution.steps.forEach((text, step) => {
    const mark = label?.step_labels?.[step] ?? null;
    const named = verdicts.filter((verdict) => verdict.first_error === step).map((verdict) => verdict.annotator);
    const marks = found.marks.filter((span) => span.step === step);
    const tags = [
      mark === -1 ? el("span", { class: "chip wrong" }, "first error") : null,
      truth === step && mark !== -1 ? el("span", { class: "chip bad" }, "true first error") : null,
      named.length ? el("span", { class: "chip named" }, `named by ${plain(named.join(", "))}`) : null,
    ].filter((tag) => tag !== null);
    rows.push(row(step,
      [el("span", { class: "sign", title: STEP_WORDS[mark] }, STEP_SIGNS[mark]), el("span", { class: "number" }, String(step)), unseen(` ${STEP_WORDS[mark]}`)],
      [stepText(text, marks), tags.length ? el("div", { class: "tags" }, tags) : null, ...checksNote(marks)],
      kept ? STEP_CLASSES[mark] : "open"));
  });
  const left = detail.steps - solution.steps.length;
  if (left > 0) rows.push(row(null, unseen("more"), el("span", { class: "place" }, `${left.toLocaleString("en")} more steps are not in this page`), "edge"));
  if (spoken(NONE)) rows.push(row(NONE, unseen("none"), el("span", { class: "place" }, "no step is wrong"), "edge"));
  if (spoken(MISSING)) rows.push(row(MISSING, unseen("missing"), el("span", { class: "place" }, "votes that are missing: no evidence"), "edge"));
  return el("div", { class: "wide" }, el("table", { class: "steps" }, el("thead", {}, head), el("tbody", {}, rows)));
}

/** For those who hear the page. */
const unseen = (text) => el("span", { class: "unseen" }, text);

/** The step's text, each claim underlined. Spans count code points. */
function stepText(text, marks) {
  const end = text.replace(/\s+$/u, "").length;
  const offsets = offsetsOf(text, marks);
  const cuts = [...new Set([0, end, ...offsets.flat()])].filter((at) => at <= end).sort((a, b) => a - b);
  const parts = [];
  for (let place = 0; place + 1 < cuts.length; place += 1) {
    const piece = text.slice(cuts[place], cuts[place + 1]);
    const over = marks.filter((_, at) => offsets[at][0] <= cuts[place] && cuts[place + 1] <= offsets[at][1]);
    const worst = over.find((span) => span.status === "contradicted") ?? over[0];
    parts.push(worst === undefined ? foreign(piece) : el("span", { class: `claim ${classOf(worst.status)}`, title: over.map(sayCheck).join("\n") }, foreign(piece)));
  }
  return el("div", { class: "foreign words", dir: "auto" }, parts);
}

function offsetsOf(text, marks) {
  if (marks.length === 0) return [];
  if (!/[\ud800-\udfff]/.test(text)) return marks.map(({ start, end }) => [start, end]);
  const at = [0];
  for (const character of text) at.push(at[at.length - 1] + character.length);
  const place = (n) => at[Math.min(Math.max(0, n), at.length - 1)];
  return marks.map(({ start, end }) => [place(start), place(end)]);
}

const classOf = (status) => (Object.hasOwn(CHECK_WORDS, status) ? status : "unchecked");

function sayCheck({ who, step, start, end, claim, status, expected, ...more }) {
  const value = expected && status !== "exact" ? `, it is ${expected}` : "";
  const rest = Object.entries(more).filter(([, one]) => one !== null && one !== "" && one !== undefined);
  const told = rest.map(([key, one]) => `; ${key.replaceAll("_", " ")}: ${typeof one === "string" ? one : JSON.stringify(one)}`);
  return `${who}: ${claim ?? ""} ${CHECK_WORDS[status] ?? status ?? ""}${value}${told.join("")}`;
}

/** What was executed and does not hold, in plain sight; what could not be checked, a click away. */
function checksNote(marks) {
  const lines = (spans) => spans.map((span) => el("div", { class: `check ${classOf(span.status)}` }, foreign(sayCheck(span))));
  const fails = marks.filter(({ status }) => status === "contradicted");
  const open = marks.filter(({ status }) => status !== "contradicted" && status !== "exact");
  return [
    ...lines(fails),
    open.length ? el("details", { class: "note" }, el("summary", {}, `${open.length} not checked`), lines(open)) : null,
  ];
}
