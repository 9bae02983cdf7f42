// A review: one solution at a time, one key a decision, each saved before the next is shown.

const LETTERS = "abdefghijklmnopqrsvxy"; // without those that mean something else: c t u w z
const KEYS = [..."123456789", ...LETTERS];
const OVERTAKEN = "nothing was saved just now: this was decided already, here or in another window; this is the newest";
const token = new URLSearchParams(location.search).get("token") ?? "";

let state = null;
let verdicts = []; // those that are shown
let looked = false;
let since = 0;
let busy = false;
let at = null; // the step that the arrow keys chose

async function ask(path, body) {
  const headers = { "X-Steplabel-Token": token };
  const options = body === undefined ? { headers }
    : { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, { ...options, cache: "no-store" });
  const found = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {};
  if (!answer.ok) throw new Error(found.error ?? `the server answers ${answer.status}`);
  return found;
}

/** One request at a time: a key pressed meanwhile is no decision on what isn't seen yet. */
async function doing(act, message) {
  if (busy) return;
  busy = true;
  try {
    await act();
    tell(message());
  } catch (error) {
    tell(`not saved: ${error.message}; is \`steplabel review\` still running?`, true);
  } finally {
    busy = false;
    document.documentElement.dataset.ready = String(Number(document.documentElement.dataset.ready ?? 0) + 1);
  }
}

function show(next) {
  state = next;
  verdicts = [];
  looked = false;
  at = null;
  since = performance.now();
  paint();
  scrollTo(0, 0);
  byId("review").focus({ preventScroll: true });
}

function paint() {
  const { done, count, unsure, reviewer } = state;
  byId("who").textContent = plain(reviewer);
  byId("progress").max = Math.max(1, count);
  byId("progress").value = done;
  byId("count").textContent = `${done} of ${count}${unsure ? `, ${unsure} unsure` : ""}`;
  byId("undo").disabled = !state.can_undo;
  byId("review").replaceChildren(...(state.solution === null ? ended() : view(state.solution)));
}

function view(solution) {
  const detail = { solution, label: null, verdicts, truth: null, steps: solution.steps.length };
  const found = evidenceOf(verdicts, solution.steps.length);
  const table = stepTable(detail, found);
  for (const row of table.querySelectorAll("tr[data-place]")) choosable(row, solution.steps.length);
  table.querySelector("thead th.text").textContent = "Which step is the first wrong one?";
  return [
    el("h1", { class: "unseen" }, "Review of one solution"),
    el("section", { class: "ask" },
      said("div", { class: "problem", tabindex: "0" }, solution.question),
      el("p", { class: "facts" },
        el("span", {}, "known answer ", said("b", {}, solution.gold)),
        el("span", {}, solution.answer === null ? "no answer was found" : ["its answer ", said("b", {}, solution.answer)], " ", answerChip(solution.outcome)),
        solution.level ? el("span", {}, "level ", said("b", {}, solution.level)) : null),
      solution.reference ? el("details", { class: "note" }, el("summary", {}, "Reference solution"), said("div", { class: "rationale" }, solution.reference)) : null),
    table,
    found.messages.length ? el("section", {}, el("h2", {}, "Also said"), found.messages.map(([who, field, value]) => message(`${who}: ${field}`, value))) : null,
    agreementOf(state.agreement),
    choices(),
  ].filter((part) => part !== null);
}

/** A step's row takes a click, and has a button with its key. */
function choosable(row, steps) {
  const place = Number(row.dataset.place);
  if (!Number.isInteger(place) || place >= steps) {
    delete row.dataset.place;
    return;
  }
  const key = KEYS[place];
  row.querySelector("th").replaceChildren(el("button", {
    type: "button", class: "pick", "aria-label": `Step ${place + 1} is the first wrong one`,
    "aria-keyshortcuts": key ?? null, on: { click: () => decide(place) },
  }, key === undefined ? "…" : el("kbd", {}, key)));
  row.addEventListener("click", (event) => {
    if (event.target.closest("button, summary, details") !== null || String(getSelection()) !== "") return;
    decide(place);
  });
}

function choices() {
  const choice = (key, text, act, id) => el("button", { type: "button", id, "aria-keyshortcuts": key, on: { click: act } }, el("kbd", {}, key), " ", text);
  return el("div", { class: "choices", role: "group", "aria-label": "Decide" },
    choice("0", "No error", () => decide(-1), "no-error"),
    choice("u", "Unsure", () => decide(null), "unsure"),
    choice("w", verdicts.length ? "Hide the witnesses" : "Show the witnesses", witnesses, "witnesses"),
    el("span", { class: "saved", id: "saved", role: "status" }));
}

function ended() {
  return [el("h1", { class: "unseen" }, "Review"), el("section", { class: "done" },
    el("h2", {}, state.count ? "All of them are decided" : "There is nothing to decide"),
    el("p", {}, "What you decided is in the run's folder. ", el("code", {}, "steplabel relabel"), " makes the labels anew with it; more are asked for by ", el("code", {}, "--count"), ".")),
    agreementOf(state.agreement),
    el("span", { class: "saved", id: "saved", role: "status" })].filter((part) => part !== null);
}

function agreementOf(rows) {
  if (rows.length === 0) return null;
  return el("details", { class: "note" }, el("summary", {}, "How far reviewers agree"),
    el("table", { class: "agreement" },
      el("thead", {}, el("tr", {}, ["reviewers", "both named", "the same", "kappa"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map(({ who, both, same, kappa }) => el("tr", {},
        el("th", { scope: "row" }, plain(who.join(", "))), el("td", {}, String(both)), el("td", {}, String(same)),
        el("td", {}, kappa === null ? "–" : kappa.toFixed(2)))))));
}

const sayStep = (place) => (place === null ? "unsure" : place < 0 ? "no error" : `step ${KEYS[place] ?? place + 1}`);

function decide(place) {
  if (state?.solution == null) return;
  const { id, outcome } = state.solution;
  const odd = place === -1 && outcome === "incorrect" ? " (its answer is not the known one: it gets no label)" : "";
  const seconds = (performance.now() - since) / 1000;
  doing(async () => show(await ask("decide", { id, first_error: place, shown: looked, seconds, rows: state.rows })),
    () => (state.stale ? OVERTAKEN : `saved: ${sayStep(place)}${odd}; z takes it back`));
}

function undo() {
  if (!state?.can_undo) return;
  doing(async () => show(await ask("undo", { rows: state.rows })), () => (state.stale ? OVERTAKEN : "taken back"));
}

function witnesses() {
  if (state?.solution == null) return;
  const hide = verdicts.length > 0;
  doing(async () => {
    const found = hide ? [] : (await ask("evidence", { id: state.solution.id })).verdicts;
    looked ||= found.length > 0;
    verdicts = found;
    paint();
  }, () => (hide ? "" : verdicts.length ? "" : "no witness says anything of it"));
}

function move(by) {
  const rows = [...document.querySelectorAll(".steps tr[data-place]")];
  if (rows.length === 0) return;
  at = at === null ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows.forEach((row, place) => row.classList.toggle("at", place === at));
  rows[at].querySelector(".pick").focus();
}

function tell(text, failed = false) {
  const saved = byId("saved");
  if (saved === null) return;
  saved.textContent = plain(text);
  saved.classList.toggle("failed", failed);
}

function turn() {
  const root = document.documentElement;
  const dark = root.style.colorScheme === "dark" || (root.style.colorScheme === "" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.style.colorScheme = dark ? "light" : "dark";
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || byId("help").open) return;
  const { key } = event;
  const step = KEYS.indexOf(key);
  const acts = {
    0: () => decide(-1), c: () => decide(-1), u: () => decide(null), z: undo, w: witnesses, t: turn,
    "?": () => byId("help").showModal(), ArrowDown: () => move(1), ArrowUp: () => move(-1),
  };
  const act = Object.hasOwn(acts, key) ? acts[key]
    : step >= 0 && step < (state?.solution?.steps.length ?? 0) ? () => decide(step) : undefined;
  if (act === undefined) return;
  event.preventDefault();
  act();
});
byId("undo").addEventListener("click", undo);
byId("theme").addEventListener("click", turn);
byId("ask-help").addEventListener("click", () => byId("help").showModal());
doing(async () => show(await ask("state")), () => "");
