// The page's data: an index of every solution, and chunks of details that are read when they are shown.

async function unpack(id) {
  const coded = byId(id).textContent;
  const bytes = Uint8Array.from(atob(coded), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).json();
}

const parsed = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", resolve, { once: true });
});

const KEPT_CHUNKS = 6;

/** Details by row. The chunks looked at last stay in memory. */
class Details {
  #starts;
  #chunks = new Map();

  constructor(starts) {
    this.#starts = starts;
  }

  get chunks() {
    return this.#starts.length;
  }

  async of(row) {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle] <= row) low = middle;
      else high = middle;
    }
    const rows = await this.#chunk(low);
    return rows[row - this.#starts[low]];
  }

  #chunk(number) {
    const known = this.#chunks.get(number);
    if (known !== undefined) {
      this.#chunks.delete(number);
      this.#chunks.set(number, known);
      return known;
    }
    const loading = this.once(number);
    this.#chunks.set(number, loading);
    if (this.#chunks.size > KEPT_CHUNKS) this.#chunks.delete(this.#chunks.keys().next().value);
    return loading;
  }

  /** A chunk's rows, not kept. */
  async once(number) {
    const id = `chunk-${number}`;
    if (byId(id) === null) await parsed;
    return unpack(id);
  }

  start(number) {
    return this.#starts[number];
  }
}

/** What a search looks at, in lower case; read in the background, a chunk at a time. */
class Texts {
  #texts;
  done = 0;

  constructor(size) {
    this.#texts = new Array(size).fill(null);
  }

  async read(details, onMore) {
    for (let number = 0; number < details.chunks; number += 1) {
      await new Promise((resolve) => (window.requestIdleCallback ?? setTimeout)(resolve));
      const rows = await details.once(number);
      rows.forEach(({ solution }, place) => {
        const parts = [solution.id, solution.question, solution.answer ?? "", solution.steps.join("")];
        this.#texts[details.start(number) + place] = parts.join("\n").toLowerCase();
      });
      this.done += rows.length;
      onMore();
    }
  }

  has(row, words) {
    const text = this.#texts[row];
    return text !== null && words.every((word) => text.includes(word));
  }
}
