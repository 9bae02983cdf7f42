// Elements, and text that a model wrote: it becomes text nodes, never markup.

const byId = (id) => document.getElementById(id);

/** An element; null children are left out, strings become text. `on` holds listeners. */
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : plain(String(value)));
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Control and format characters, lone surrogates and line separators; tab and line feed show themselves.
const HIDDEN = /\r(?=\n)|((?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029])\1*/gu;
const MOST_MARKS = 300;

/** Text for an attribute or a heading: what can't be seen becomes U+FFFD. */
const plain = (text) => text.replace(HIDDEN, (found) => (found === "\r" ? "" : "\ufffd"));

const codeOf = (character) =>
  "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");

/** Foreign text as nodes: hidden characters are shown by their code, a run of one with its length. */
function foreign(text) {
  const nodes = [];
  let end = 0;
  let marks = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (marks === MOST_MARKS) {
      nodes.push(text.slice(end, match.index), plain(text.slice(match.index)));
      return nodes;
    }
    nodes.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[1] === undefined) continue;
    const times = match[0].length / match[1].length;
    nodes.push(el("span", { class: "hidden-mark" }, codeOf(match[1]) + (times > 1 ? ` ×${times}` : "")));
    marks += 1;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

/** An element of foreign text, apart from the writing direction around it. */
const said = (tag, attributes, text) =>
  el(tag, { dir: "auto", ...attributes, class: `foreign ${attributes?.class ?? ""}` }, foreign(text));
