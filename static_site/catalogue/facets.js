// What the products are like: each attribute with its values, of which each leads to its products on the shopper's page.

import { colourOf, dot, made } from "../choices.js";
import { amount, label, meaning, words, write } from "../filtertext.js";
import { $, fill } from "../page.js";
import { format } from "../route.js";
import { number, t } from "../texts.js";

/** @typedef {import("../api.js").Facet & {count?: number}} Facet */

const SHOWN = 6;
/** @type {Set<string>} attributes of which all values are shown */
const opened = new Set();
let drawn = "";

/** @param {Facet[]} facets */
export function showFacets(facets) {
  $("facets").hidden = false;
  $("facets-how").hidden = facets.length > 0;
  fill($("facets-lead"), t(facets.length ? "facets.lead" : "facets.none"));
  const key = JSON.stringify(facets);
  if (key === drawn) return;
  drawn = key;
  const focused = document.activeElement?.id;
  const currencies = facets.find(isCurrency)?.values ?? [];
  const currency = currencies.length === 1 ? currencies[0].value : null;
  const shown = currency === null ? facets : facets.filter((facet) => !isCurrency(facet)); // it stands beside the prices
  $("facets-list").replaceChildren(...shown.map((facet, place) => card(facet, place, currency)));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** @param {Facet} facet */
function isCurrency({ attribute }) {
  return meaning(attribute) === "currency";
}

/** @param {Facet} facet @param {number} place @param {string | null} currency */
function card(facet, place, currency) {
  const element = made("div", "facet", made("h3", "", label(facet.attribute)));
  if (facet.kind === "number") element.append(range(facet, place, currency));
  else element.append(...list(facet, place));
  return element;
}

/** @param {Facet} facet @param {number} place @param {string | null} currency */
function range({ attribute, min = 0, max = 0, count = 0 }, place, currency) {
  const ends = { least: min, most: max };
  const link = leading(attribute, ends, `facet-${place}`);
  link.className = "range-of";
  const [from, to] = [min, max].map((end) => amount(end, attribute, currency));
  link.append(made("span", "large", from === to ? from : t("filter.range", { from, to })), made("span", "means", t("facets.have", { count })));
  return link;
}

/** @param {Facet} facet @param {number} place @returns {HTMLElement[]} */
function list({ attribute, values = [], others = 0 }, place) {
  const most = Math.max(...values.map(({ count }) => count), 1);
  const element = made("ul", "bars");
  element.setAttribute("role", "list");
  const items = values.map(({ value, count }, at) => {
    const link = leading(attribute, value, `facet-${place}-${at}`);
    const bar = made("span", "bar-of");
    bar.style.inlineSize = `${Math.max((100 * count) / most, 1)}%`;
    const name = made("span", "value-name");
    const colour = meaning(attribute) === "colour" && colourOf(value);
    if (colour) name.append(dot(colour));
    const said = words(value, attribute, null);
    name.append(said);
    link.append(name, made("span", "count", number(count)), bar);
    link.setAttribute("aria-label", t("facets.value", { value: said, count }));
    return made("li", "", link);
  });
  element.append(...items);
  const parts = [element];
  if (items.length > SHOWN + 1) parts.push(opener(attribute, place, items));
  if (others) parts.push(made("p", "means", t("facets.others", { count: others })));
  return parts;
}

/** A button that shows the values beyond the first. @param {string} attribute @param {number} place @param {HTMLElement[]} items */
function opener(attribute, place, items) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button quiet", id: `facet-${place}-all` });
  function draw() {
    const isOpen = opened.has(attribute);
    for (const item of items.slice(SHOWN)) item.hidden = !isOpen;
    button.textContent = isOpen ? t("facets.fewer") : t("facets.all", { count: items.length - SHOWN });
    button.setAttribute("aria-expanded", String(isOpen));
  }
  button.addEventListener("click", () => {
    if (!opened.delete(attribute)) opened.add(attribute);
    draw();
  });
  draw();
  return button;
}

/** @param {string} attribute @param {import("../filtertext.js").Filter["values"][0]} value @param {string} id */
function leading(attribute, value, id) {
  const href = `./${format({ kind: "browse" }, { filters: [write({ attribute, values: [value] })] })}`;
  return Object.assign(document.createElement("a"), { href, id });
}
