// The list of solutions: only the rows in view are in the page.

const ROW_HEIGHT = 66;
const SPARE = 6;
const STRIP_CLASSES = { "+": "right", "-": "wrong", 0: "neutral", "?": "unknown" };

class List {
  #index;
  #onChoose;
  #box = byId("list");
  #spacer = byId("spacer");
  rows = [];
  chosen = -1;

  constructor(index, onChoose) {
    this.#index = index;
    this.#onChoose = onChoose;
    this.#box.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(this.#box);
    this.#spacer.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      if (row !== null) this.#onChoose(Number(row.dataset.row));
    });
  }

  show(rows) {
    this.rows = rows;
    this.#spacer.style.height = `${rows.length * ROW_HEIGHT}px`;
    this.#box.scrollTop = 0;
    this.reveal();
    this.#draw();
  }

  choose(row) {
    this.chosen = row;
    this.reveal();
    this.#draw();
  }

  /** The row `by` places from the chosen one. */
  neighbour(by) {
    const place = this.rows.indexOf(this.chosen);
    const next = place < 0 ? 0 : Math.min(this.rows.length - 1, Math.max(0, place + by));
    return this.rows[next];
  }

  reveal() {
    const place = this.rows.indexOf(this.chosen);
    if (place < 0) return;
    const top = place * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.#box;
    if (top < scrollTop) this.#box.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) {
      this.#box.scrollTop = top + ROW_HEIGHT - clientHeight;
    }
  }

  #draw() {
    const first = Math.max(0, Math.floor(this.#box.scrollTop / ROW_HEIGHT) - SPARE);
    const inView = Math.ceil(this.#box.clientHeight / ROW_HEIGHT) + 2 * SPARE;
    const last = Math.min(this.rows.length, first + inView);
    const drawn = [];
    for (let place = first; place < last; place += 1) drawn.push(this.#row(place));
    this.#spacer.replaceChildren(...drawn);
    const here = this.rows.indexOf(this.chosen);
    if (here >= first && here < last) this.#box.setAttribute("aria-activedescendant", `row-${this.chosen}`);
    else this.#box.removeAttribute("aria-activedescendant");
  }

  #row(place) {
    const row = this.rows[place];
    const { rows, said, witnesses, heads } = this.#index;
    const label = rows.label[row];
    const strip = el("span", { class: "strip", "aria-hidden": "true" },
      [...rows.strip[row]].map((mark) => el("i", { class: STRIP_CLASSES[mark] })));
    const verdicts = witnesses.map((name, at) => {
      const one = said[at][row];
      const differs = one >= CLEAN && label >= CLEAN && one !== label;
      return el("span", { class: `says ${differs ? "differs" : ""}`, title: `${name}: ${sayNamed(one)}` },
        el("b", {}, plain(name.slice(0, 1)).toUpperCase()), one >= 0 ? String(one) : { [CLEAN]: "✓", [UNDECIDED]: "?", [ABSENT]: "·" }[one]);
    });
    const element = el("div", {
      class: "item",
      role: "option",
      id: `row-${row}`,
      "data-row": String(row),
      "aria-selected": String(row === this.chosen),
      "aria-setsize": String(this.rows.length),
      "aria-posinset": String(place + 1),
    },
      el("div", { class: "line" },
        labelChip(label, rows.confidence[row]),
        answerChip(rows.outcome[row]),
        rows.truth[row] >= CLEAN && label >= CLEAN && rows.truth[row] !== label
          ? el("span", { class: "chip bad" }, `truth: ${sayNamed(rows.truth[row])}`) : null,
        el("span", { class: "space" }),
        verdicts),
      el("div", { class: "line head" }, oneLine(heads[rows.problem[row]])),
      el("div", { class: "line" }, strip, el("span", { class: "space" }),
        el("span", { class: "id" }, plain(rows.id[row]))));
    element.style.transform = `translateY(${place * ROW_HEIGHT}px)`;
    return element;
  }
}

const oneLine = (text) => el("span", { dir: "auto", class: "foreign" }, plain(text));
