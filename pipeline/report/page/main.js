// The page: views, links, keys. #!overview and #!browse?name=choice are views, #ID is one solution.

const linkTo = (id) => "#" + encodeURIComponent(id).replace(/^!/, "%21");

async function start() {
  const index = await unpack("index");
  const details = new Details(index.starts);
  const texts = new Texts(index.rows.id.length);
  const rowOf = new Map(index.rows.id.map((id, row) => [id, row]));
  const filters = filtersOf(index);
  const list = new List(index, (row) => go(linkTo(index.rows.id[row])));
  let state = new Map();
  let shown = null;

  const go = (hash) => {
    if (location.hash === hash) route();
    else location.hash = hash;
  };

  function view(name) {
    byId("overview").hidden = name !== "overview";
    byId("browse").hidden = name !== "browse";
    for (const one of ["overview", "browse"]) {
      if (one === name) byId(`to-${one}`).setAttribute("aria-current", "page");
      else byId(`to-${one}`).removeAttribute("aria-current");
    }
  }

  function route() {
    const hash = location.hash;
    if (hash === "" || hash === "#" || hash === "#!overview") view("overview");
    else if (hash.startsWith("#!browse")) {
      view("browse");
      state = new Map(new URLSearchParams(hash.slice(9)));
      fill();
      apply();
      if (list.rows.length && shown === null) choose(list.rows[0]);
    } else {
      view("browse");
      if (list.rows.length === 0) apply();
      const row = rowOf.get(idOf(hash));
      if (row === undefined) tell(`This page has no solution ${plain(idOf(hash))}.`);
      else choose(row);
    }
  }

  function idOf(hash) {
    try {
      return decodeURIComponent(hash.slice(1));
    } catch {
      return hash.slice(1);
    }
  }

  async function choose(row) {
    if (!list.rows.includes(row)) {
      state = new Map();
      fill();
      apply();
    }
    shown = row;
    list.choose(row);
    const detail = await details.of(row);
    if (shown !== row) return;
    const pane = byId("solution");
    pane.replaceChildren(solutionView(detail, linkTo(index.rows.id[row])));
    pane.scrollTop = 0;
  }

  function tell(text) {
    shown = null;
    byId("solution").replaceChildren(el("p", { class: "notice" }, text));
  }

  function apply() {
    list.show(chosenRows(index, filters, texts, state));
    count();
  }

  function count() {
    const size = index.rows.id.length;
    const found = list.rows.length === size ? `${size.toLocaleString("en")} solutions` :
      `${list.rows.length.toLocaleString("en")} of ${size.toLocaleString("en")} solutions`;
    const reading = state.has("q") && texts.done < size ? `; read ${Math.floor((100 * texts.done) / size)}% of the texts` : "";
    byId("count").textContent = found + reading;
    const active = [...state.keys()].filter((name) => name !== "sort" && name !== "q").length;
    byId("active").textContent = active ? `(${active})` : "";
    byId("clear").hidden = state.size === 0;
  }

  // Filters as fields, and fields as filters.
  const fields = new Map();
  for (const { name, title, choices, counts } of filters) {
    const select = el("select", { id: `filter-${name}`, name },
      el("option", { value: "" }, "any"),
      choices.map(([value, text]) => el("option", { value }, `${plain(text)} (${counts.get(value).toLocaleString("en")})`)));
    choices.forEach(([value], at) => { select.options[at + 1].value = value; });
    fields.set(name, select);
    byId("filter-fields").append(el("label", {}, el("span", {}, plain(title)), select));
  }
  if (index.rows.confidence.some((one) => one !== null)) {
    const bounds = ["from", "to"].map((name) => el("input", { type: "number", min: "0", max: "1", step: "0.01", name, "aria-label": `confidence ${name}`, placeholder: name }));
    bounds.forEach((field) => fields.set(field.name, field));
    byId("filter-fields").append(el("div", { class: "label" }, el("span", {}, "Confidence"), el("span", { class: "pair" }, bounds)));
  }
  const sort = byId("sort");
  for (const [value, [text]] of Object.entries(SORTS)) sort.append(el("option", { value }, text));
  fields.set("sort", sort);
  fields.set("q", byId("search"));

  function fill() {
    for (const [name, field] of fields) {
      field.value = state.get(name) ?? (name === "sort" ? "problem" : "");
    }
  }

  function changed() {
    state = new Map();
    for (const [name, field] of fields) {
      if (field.value !== "" && !(name === "sort" && field.value === "problem")) state.set(name, field.value);
    }
    apply();
    const query = new URLSearchParams([...state]).toString();
    history.replaceState(null, "", query ? `#!browse?${query}` : "#!browse");
  }

  byId("tools").addEventListener("input", changed);
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", clear);

  function clear() {
    for (const [name, field] of fields) field.value = name === "sort" ? "problem" : "";
    changed();
  }

  function move(by) {
    const row = list.neighbour(by);
    if (row !== undefined) go(linkTo(index.rows.id[row]));
  }

  const openAll = () => {
    const notes = [...byId("solution").querySelectorAll("details")];
    const open = notes.some((note) => !note.open);
    for (const note of notes) note.open = open;
  };

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    "/": () => byId("search").focus(),
    f: () => {
      byId("filters").open = !byId("filters").open;
      if (byId("filters").open) byId("filter-fields").querySelector("select, input")?.focus();
    },
    x: clear,
    e: openAll,
    o: () => go("#!overview"),
    s: () => go("#!browse"),
    t: turn,
    "?": () => byId("help").showModal(),
  };
  const onlyInBrowse = ["j", "k", "ArrowDown", "ArrowUp", "/", "f", "x", "e"];
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const inField = event.target.closest("input, select, textarea") !== null;
    if (inField) {
      if (event.key === "Escape") byId("list").focus();
      return;
    }
    if (event.key.startsWith("Arrow") && event.target !== byId("list")) return;
    const act = keys[event.key];
    if (act === undefined) return;
    if (onlyInBrowse.includes(event.key) && byId("browse").hidden) {
      if (!["/", "f", "j"].includes(event.key)) return;
      go("#!browse");
      route();
    }
    event.preventDefault();
    act();
  });
  byId("ask-help").addEventListener("click", () => byId("help").showModal());
  window.addEventListener("hashchange", route);

  // Paper shows what is folded away.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("main:not([hidden]) details:not([open])")].filter((note) => note.id !== "filters");
    for (const note of folded) note.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const note of folded) note.open = false;
  });

  route();
  document.documentElement.dataset.ready = "list";
  requestAnimationFrame(() => setTimeout(() => performance.mark("list")));
  await texts.read(details, () => {
    const done = texts.done === index.rows.id.length;
    if (state.has("q") && !byId("browse").hidden) done ? apply() : count();
  });
  document.documentElement.dataset.ready = "texts";
}

function turn() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (document.documentElement.style.colorScheme === "" && matchMedia("(prefers-color-scheme: dark)").matches);
  paint(dark ? "light" : "dark");
  try {
    localStorage.setItem("steplabel-theme", dark ? "light" : "dark");
  } catch {
    // A page of a file may have no storage; the choice then lasts as long as the page.
  }
}

function paint(theme) {
  document.documentElement.style.colorScheme = theme;
}

try {
  const theme = localStorage.getItem("steplabel-theme");
  if (theme === "light" || theme === "dark") paint(theme);
} catch {
  // The same.
}
byId("theme").addEventListener("click", turn);
start().catch((error) => {
  byId("browse").replaceChildren(el("p", { class: "notice" }, `The data of this page can't be read: ${error.message}`));
  throw error;
});
