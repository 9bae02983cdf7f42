// Which solutions are listed. A filter is a name, its choices and a test of a row; links say name=choice.

const MOST_CHOICES = 60;

/** Every filter that these rows can be told apart by. */
function filtersOf(index) {
  const { rows, said, witnesses } = index;
  const count = rows.id.length;
  const all = Array.from({ length: count }, (_, row) => row);
  const named = (row) => said.map((column) => column[row]).filter((one) => one >= CLEAN);
  const agreement = (row) => {
    const heard = named(row);
    if (heard.length < 2) return heard.length === 0 ? "silent" : "one";
    return heard.every((one) => one === heard[0]) ? "agree" : "disagree";
  };
  const labelKind = (row) => {
    const kind = kindOf(rows.label[row]);
    return kind === "silent" ? "aside" : kind;
  };
  const truth = (row) => {
    if (rows.truth[row] < CLEAN) return "unknown";
    if (rows.label[row] < CLEAN) return "unlabelled";
    return rows.truth[row] === rows.label[row] ? "right" : "wrong";
  };
  const list = [
    choice("label", "Label", {
      kept: "kept",
      aside: "set aside",
      absent: "left out",
      flawed: "names a step",
      clean: "no error",
    }, (row, value) => {
      if (value === "kept") return rows.label[row] >= CLEAN;
      if (value.startsWith("step-")) return rows.label[row] === Number(value.slice(5));
      return labelKind(row) === value;
    }, steps(rows.label)),
    choice("reason", "Why set aside", texts(index.reasons), (row, value) =>
      rows.reason[row] >= 0 && index.reasons[rows.reason[row]] === value),
    choice("outcome", "Final answer", ANSWERS, (row, value) => rows.outcome[row] === value),
    choice("agree", "Witnesses", {
      agree: "agree",
      disagree: "disagree",
      one: "only one decides",
      silent: "none decides",
    }, (row, value) => agreement(row) === value),
    ...witnesses.map((name, place) =>
      choice(`by.${name}`, `${name} says`, {
        flawed: "an error",
        clean: "no error",
        silent: "undecided",
        absent: "nothing",
        same: "what the label says",
        other: "not what the label says",
      }, (row, value) => {
        const one = said[place][row];
        const label = rows.label[row];
        if (value === "same") return one >= CLEAN && one === label;
        if (value === "other") return one >= CLEAN && label >= CLEAN && one !== label;
        return kindOf(one) === value;
      })),
    choice("truth", "Against the truth", {
      right: "label is right",
      wrong: "label is wrong",
      unlabelled: "no label",
      unknown: "not known",
    }, (row, value) => truth(row) === value),
    choice("generator", "Written by", texts(index.generators), (row, value) =>
      index.generators[rows.generator[row]] === value),
    choice("level", "Level", texts(index.levels), (row, value) =>
      index.levels[rows.level[row]] === value),
  ];
  for (const filter of list) {
    filter.counts = new Map(
      filter.choices.map(([value]) => [value, all.filter((row) => filter.test(row, value)).length]),
    );
    filter.choices = filter.choices.filter(([value]) => filter.counts.get(value) > 0);
  }
  return list.filter((filter) => filter.choices.length > 1 || filter.name === "reason");
}

function choice(name, title, choices, test, more = []) {
  return { name, title, choices: [...Object.entries(choices), ...more], test };
}

const texts = (list) =>
  Object.fromEntries(list.slice(0, MOST_CHOICES).map((text) => [text, text || "(none)"]));

/** Choices for each step that a label names. */
function steps(labels) {
  const named = [...new Set(labels)].filter((one) => one >= 0).sort((a, b) => a - b);
  return named.slice(0, MOST_CHOICES).map((one) => [`step-${one}`, `first error at step ${one}`]);
}

const SORTS = {
  problem: ["by problem", null],
  unsure: ["least sure first", (rows, _, row) => rows.confidence[row] ?? 2],
  early: ["first error first", (rows, _, row) => (rows.label[row] < 0 ? 1e9 : rows.label[row])],
  dispute: ["most disputed first", (_, said, row) => {
    const named = said.map((column) => column[row]).filter((one) => one >= CLEAN);
    return -new Set(named).size - named.length / 100;
  }],
  long: ["longest first", (rows, _, row) => -rows.steps[row]],
  dear: ["most tokens first", (rows, _, row) => -rows.tokens[row]],
};

const wordsOf = (query) =>
  (query.toLowerCase().match(/"[^"]+"|\S+/g) ?? []).map((word) => word.replace(/^"(.+)"$/, "$1"));

/** The rows that pass, in their order. `state`: name -> choice; q, from, to and sort are its own. */
function chosenRows(index, filters, texts, state) {
  const { rows, said } = index;
  const active = filters.filter((filter) => state.has(filter.name));
  const words = wordsOf(state.get("q") ?? "");
  const low = numberOf(state.get("from"));
  const high = numberOf(state.get("to"));
  const found = index.order.filter((row) => {
    if (!active.every((filter) => filter.test(row, state.get(filter.name)))) return false;
    if (low !== null || high !== null) {
      const sure = rows.confidence[row];
      if (sure === null || sure < (low ?? 0) || sure > (high ?? 1)) return false;
    }
    return words.length === 0 || texts.has(row, words);
  });
  const key = SORTS[state.get("sort")]?.[1];
  if (key) {
    const keys = new Map(found.map((row) => [row, key(rows, said, row)]));
    found.sort((a, b) => keys.get(a) - keys.get(b));
  }
  return found;
}

function numberOf(text) {
  const value = Number.parseFloat(text ?? "");
  return Number.isFinite(value) ? value : null;
}
