// What a filter chip opens: the values of an attribute with their counts, or the ends of a range.

/**
 * @typedef {import("./api.js").Facet} Facet
 * @typedef {import("./filtertext.js").Filter["values"]} Values
 *
 * @typedef {object} Choices
 * @property {HTMLElement} element
 * @property {(facet: Facet | null, chosen: Values) => void} update
 */

import { amount, meaning, words } from "./filtertext.js";
import { number, t } from "./texts.js";

const MANY = 15; // values, of which one is found sooner by typing

/**
 * @param {Facet} facet
 * @param {Values} chosen
 * @param {string | null} currency
 * @param {(values: Values) => void} choose
 * @returns {Choices}
 */
export function choices(facet, chosen, currency, choose) {
  return facet.kind === "number" ? range(facet, chosen, currency, choose) : list(facet, chosen, choose);
}

/** @param {string} tag @param {string} className @param {string | Node} [content] @returns {HTMLElement} */
export function made(tag, className, content = "") {
  const element = Object.assign(document.createElement(tag), { className });
  element.append(content);
  return element;
}

/** @param {Facet} facet @param {Values} chosen @param {(values: Values) => void} choose @returns {Choices} */
function list(facet, chosen, choose) {
  const element = made("div", "");
  const all = made("ul", "values");
  all.setAttribute("role", "list");
  const find = Object.assign(document.createElement("input"), { type: "search", className: "find", placeholder: t("filter.find") });
  find.setAttribute("aria-label", t("filter.find"));
  find.addEventListener("input", () => {
    for (const item of all.children) /** @type {HTMLElement} */ (item).hidden = !matches(item.textContent ?? "", find.value);
  });
  element.append(find, all);
  /** @type {Map<string, {box: HTMLInputElement, count: HTMLElement}>} */
  const rows = new Map();
  const isColour = meaning(facet.attribute) === "colour";

  /** @param {string} value */
  function add(value) {
    const box = Object.assign(document.createElement("input"), { type: "checkbox" });
    const count = made("span", "count");
    const row = made("label", "value", box);
    const colour = isColour && colourOf(value);
    if (colour) row.append(dot(colour));
    row.append(made("span", "value-name", words(value, facet.attribute, null)), count);
    box.addEventListener("change", () => choose([...rows].filter(([, { box: { checked } }]) => checked).map(([of]) => of)));
    all.append(made("li", "", row));
    const parts = { box, count };
    rows.set(value, parts);
  }

  /** @type {Choices["update"]} */
  function update(now, values) {
    const counts = new Map((now?.values ?? []).map(({ value, count }) => [value, count]));
    const ticked = values.filter((value) => typeof value === "string");
    for (const value of [...counts.keys(), ...ticked]) if (!rows.has(value)) add(value);
    for (const [value, { box, count }] of rows) {
      box.checked = ticked.includes(value);
      count.textContent = number(counts.get(value) ?? 0);
    }
    find.hidden = rows.size < MANY;
  }
  update(facet, chosen);
  return { element, update };
}

/**
 * Two fields and, for a finger, two thumbs on one line: each pair says the same.
 * @param {Facet} facet @param {Values} chosen @param {string | null} currency @param {(values: Values) => void} choose
 * @returns {Choices}
 */
function range(facet, chosen, currency, choose) {
  const element = made("div", "range");
  const track = made("div", "track");
  const said = made("output", "range-words");
  const fields = made("div", "ends");
  const [min, max] = [Math.floor(facet.min ?? 0), Math.ceil(facet.max ?? 0)];
  const step = String(max - min > 20 || Number.isInteger(facet.min) ? 1 : 0.01);
  const ends = ["filter.least", "filter.most"].map((key) => {
    const shared = { min: String(min), max: String(max), step };
    const thumb = Object.assign(document.createElement("input"), { type: "range", ...shared });
    const field = Object.assign(document.createElement("input"), { type: "number", inputMode: "decimal", min: "0", step: "any" });
    thumb.setAttribute("aria-label", t(key));
    track.append(thumb);
    fields.append(made("label", "end", t(key)));
    fields.lastElementChild?.append(field);
    return { thumb, field };
  });
  const [low, high] = ends;
  element.append(fields, said, track);

  for (const { thumb, field } of ends) {
    thumb.addEventListener("input", () => {
      // A thumb stops at the other.
      const [least, most] = [Number(low.thumb.value), Number(high.thumb.value)];
      if (least > most) thumb.value = String(thumb === low.thumb ? most : least);
      field.value = thumb.value;
      drawn();
    });
    thumb.addEventListener("change", settled);
    field.addEventListener("change", settled);
  }

  function settled() {
    const [least, most] = [low, high].map(({ field }) => (field.value === "" ? null : field.valueAsNumber));
    const from = least === null || least <= min ? null : least;
    const to = most === null || most >= max ? null : most;
    choose(from === null && to === null ? [] : from !== null && to !== null && from > to ? [{ least: to, most: from }] : [{ least: from, most: to }]);
  }

  function drawn() {
    for (const { thumb } of ends) thumb.ariaValueText = amount(Number(thumb.value), facet.attribute, currency);
    const [least, most] = ends.map(({ thumb }) => Number(thumb.value));
    const [from, to] = [least, most].map((at) => (at - min) / (max - min || 1));
    said.textContent = words({ least, most }, facet.attribute, currency);
    track.style.setProperty("--from", String(from));
    track.style.setProperty("--to", String(to));
  }

  /** @type {Choices["update"]} */
  function update(_, [value]) {
    const only = typeof value === "string" ? Number(value) : null;
    const { least, most } = typeof value === "object" ? value : { least: only, most: only };
    for (const [{ thumb, field }, at] of /** @type {const} */ ([[low, least ?? min], [high, most ?? max]])) {
      thumb.value = String(at);
      field.value = String(at);
    }
    drawn();
  }
  update(facet, chosen);
  return { element, update };
}

/** @param {string} text @param {string} part @returns {boolean} whether the part is in the text, whatever its case */
function matches(text, part) {
  return text.toLocaleLowerCase().includes(part.trim().toLocaleLowerCase());
}

/** @param {string} colour */
export function dot(colour) {
  const element = made("span", "dot");
  element.style.backgroundColor = colour;
  return element;
}

/** @param {string} name @returns {string | undefined} what CSS calls the colour, for "Navy Blue" as well */
export function colourOf(name) {
  const plain = name.toLowerCase();
  return [plain.replaceAll(" ", ""), ...plain.split(" ")].find((word) => CSS.supports("color", word));
}
