// A row of chips that narrow a search: one for each attribute, and one for each value that is chosen.
//
// The address knows the filters. The row shows them, and asks for other ones.

/**
 * @typedef {import("./api.js").Facet} Facet
 * @typedef {{products: number, facets: Facet[]}} Counts
 * @typedef {import("./filtertext.js").Filter["values"]} Values
 * @typedef {import("./app.js").Callbacks["change"]} Change
 *
 * @typedef {object} Chip
 * @property {string} attribute
 * @property {number} rank the smallest is the first
 * @property {HTMLElement} element
 * @property {() => void} update
 *
 * @typedef {{show: (filters: string[], signal: AbortSignal, isAnswered: boolean) => void}} Row
 */

import { Problem, facets } from "./api.js";
import { choices, made } from "./choices.js";
import { comparable, label, meaning, parse, words, write } from "./filtertext.js";
import { say } from "./page.js";
import { number, t } from "./texts.js";

/** The most useful first; others follow in the catalogue's own order. */
const ORDER = ["price", "brand", "colour", "producttype", "articletype", "category", "subcategory", "mastercategory",
  "gender", "size", "material"];
const NO_CHIP = ["regularprice", "saleprice", "salestarts", "saleends", "imagelink", "additionalimagelink"];
const MOST_CHIPS = 10; // more are a form, not a choice
const PANEL_WIDTH = 320; // as in filters.css
const MARGIN = 16;

/** @type {Promise<Counts> | null} of the whole catalogue, asked for once */
let unfiltered = null;
let panels = 0;

/** @param {HTMLElement} element @param {import("./app.js").Callbacks} callbacks @returns {ReturnType<import("./app.js").Module[1]>} */
export function mount(element, { change }) {
  const row = filterRow(element, change);
  return {
    show({ route, signal, answer }) {
      row.show(route.options.filters, signal, answer !== null);
    },
  };
}

/** @param {HTMLElement} element @param {Change} change @returns {Row} */
export function filterRow(element, change) {
  const row = group("chips", "filter.label");
  const chosen = group("chips chosen", "filter.chosen");
  row.append(made("span", "chips-label", t("filter.label")));

  element.append(row, chosen);

  /** @type {Map<string, Chip>} by comparable attribute; a chip that was shown stays */
  const chips = new Map();
  /** @type {string[]} */
  let filters = [];
  /** @type {Counts | null} */
  let counts = null;
  /** @type {AbortSignal | null} */
  let asking = null;
  /** @type {AbortSignal | null} */
  let latest = null;
  let asked = "";
  let shown = "";
  let removed = -1;
  let changes = 0; // since choices were opened

  /** @type {Row["show"]} */
  async function show(now, signal, isAnswered) {
    const key = JSON.stringify(now);
    const isAsked = asked === key && (asking === null || asking === signal);
    filters = now;
    draw(signal !== latest);
    latest = signal;
    // The first counts come after the first answer: the shopper waits for that one.
    if (isAsked || (!counts && !isAnswered)) return;
    [asked, asking] = [key, signal];
    try {
      const found = await count(now, signal);
      if (asking !== signal || asked !== key) return;
      if (counts) say(t("page.products", { count: found.products }));
      [counts, asking] = [found, null];
    } catch (error) {
      unlessProblem(error);
      if (signal.aborted) return;
      counts ??= { products: 0, facets: [] };
    }
    draw(false);
  }

  /** @param {boolean} anew whether the row may give up the room that is kept for it */
  function draw(anew) {
    for (const [place, facet] of (counts?.facets ?? []).entries()) {
      if (!chips.has(comparable(facet.attribute)) && isChoice(facet)) add(facet.attribute, place);
    }
    for (const chip of chips.values()) chip.update();
    drawChosen();
    row.hidden = !chips.size;
    element.classList.toggle("some", filters.length > 0);
    if (anew && counts) element.classList.toggle("none", !chips.size && !filters.length);
  }

  /** @param {Facet} facet @returns {boolean} whether there is something to choose */
  function isChoice({ attribute, kind, min = 0, max = 0, values = [], others = 0 }) {
    const about = comparable(attribute);
    if (NO_CHIP.includes(about) || chips.size === MOST_CHIPS) return false;
    if (valuesOf(attribute).length) return true;
    if (kind === "number") return min < max;
    // Products that searches hide are counted by availability alone: where there are some, it is no choice.
    const all = values.reduce((sum, { count: of }) => sum + of, others);
    return values.length > 1 && (about !== "availability" || all <= (counts?.products ?? 0));
  }

  /** @param {string} attribute @param {number} place among the catalogue's attributes */
  function add(attribute, place) {
    const known = ORDER.indexOf(meaning(attribute));
    const chip = chipOf(attribute, known < 0 ? ORDER.length + place : known);
    const next = [...chips.values()].filter(({ rank }) => rank > chip.rank).sort((a, b) => a.rank - b.rank)[0];
    row.insertBefore(chip.element, next?.element ?? null);
    chips.set(comparable(attribute), chip);
  }

  /** @param {string} attribute @param {number} rank @returns {Chip} */
  function chipOf(attribute, rank) {
    const name = label(attribute);
    const button = made("button", "chip", name);
    const badge = made("span", "badge-count");
    const panel = made("div", "choices");
    const done = made("button", "button main");
    const clear = made("button", "button second", t("filter.clear"));
    /** @type {import("./choices.js").Choices | null} */
    let open = null;
    for (const one of /** @type {HTMLButtonElement[]} */ ([button, done, clear])) one.type = "button";
    panel.id = `choices-${++panels}`;
    panel.popover = "auto";
    panel.setAttribute("role", "group");
    panel.setAttribute("aria-label", name);
    /** @type {HTMLButtonElement} */ (button).popoverTargetElement = panel;
    button.setAttribute("aria-controls", panel.id);
    button.setAttribute("aria-expanded", "false");
    button.append(badge);
    clear.addEventListener("click", () => choose(attribute, []));
    done.addEventListener("click", () => {
      panel.hidePopover();
      button.focus();
    });
    panel.addEventListener("beforetoggle", (event) => {
      const opens = /** @type {ToggleEvent} */ (event).newState === "open";
      button.setAttribute("aria-expanded", String(opens));
      const facet = facetOf(attribute);
      open = opens && facet ? choices(facet, valuesOf(attribute), currency(), (values) => choose(attribute, values)) : null;
      if (!open) return;
      changes = 0;
      const last = made("div", "choices-last");
      last.append(clear, done);
      panel.replaceChildren(made("p", "choices-title", name), open.element, last);
      below(button, panel);
    });

    // It lies over what the focus goes to. A press on its words gives the focus to what is around it, and leaves it open.
    document.addEventListener("focusin", ({ target }) => {
      if (open && target instanceof Node && !element.contains(target) && !target.contains(element)) panel.hidePopover();
    });

    function update() {
      const values = valuesOf(attribute);
      const facet = facetOf(attribute);
      /** @type {HTMLButtonElement} */ (button).disabled = !facet;
      button.classList.toggle("on", values.length > 0);
      badge.textContent = values.length ? number(values.length) : "";
      clear.hidden = !values.length;
      done.textContent = t("filter.done", { count: counts?.products ?? 0 });
      open?.update(facet, values);
    }
    const element = made("div", "chip-place", button);
    element.append(panel);
    return { attribute, rank, element, update };
  }

  function drawChosen() {
    const key = JSON.stringify([filters, currency()]);
    if (key === shown) return;
    shown = key;
    const all = filters.flatMap((filter) => {
      const read = parse(filter);
      if (!read) return [removable(filter, filter, () => filters.filter((one) => one !== filter))];
      return read.values.map((value) => removable(words(value, read.attribute, currency()), label(read.attribute), () => {
        const others = read.values.filter((one) => one !== value);
        return filters.flatMap((one) => (one !== filter ? [one] : others.length ? [write({ ...read, values: others })] : []));
      }));
    });
    const clear = made("button", "chip clear", t("filter.clearAll"));
    clear.addEventListener("click", () => remove(0, []));
    chosen.hidden = !all.length;
    chosen.replaceChildren(...all, clear);
    if (removed < 0) return;
    const next = all.length ? all[Math.min(removed, all.length - 1)] : row.querySelector("button");
    next?.focus();
    removed = -1;
  }

  /** @param {string} value @param {string} name @param {() => string[]} without the filters that are left */
  function removable(value, name, without) {
    const chip = made("button", "chip on", value);
    chip.setAttribute("aria-label", t("filter.remove", { name, value }));
    chip.addEventListener("click", () => remove([...chosen.children].indexOf(chip), without()));
    return chip;
  }

  /** @param {number} place @param {string[]} left */
  function remove(place, left) {
    removed = place;
    change({ filters: left });
  }

  /** @param {string} attribute @param {Values} values */
  function choose(attribute, values) {
    const written = values.length ? write({ attribute, values }) : null;
    const others = filters.filter((filter) => !isAbout(filter, attribute));
    const at = filters.findIndex((filter) => isAbout(filter, attribute));
    if (written) others.splice(at < 0 ? others.length : at, 0, written);
    filters = others;
    // What is chosen before the list closes is one step back.
    change({ filters }, changes++ > 0);
  }

  /** @param {string} attribute @returns {Values} */
  function valuesOf(attribute) {
    return filters.filter((filter) => isAbout(filter, attribute)).flatMap((filter) => parse(filter)?.values ?? []);
  }

  /** @param {string} attribute */
  function facetOf(attribute) {
    return counts?.facets.find((facet) => facet.attribute === attribute) ?? null;
  }

  /** @returns {string | null} where all products have the same */
  function currency() {
    const values = facetOf("currency")?.values ?? [];
    return values.length === 1 ? values[0].value : null;
  }

  return { show };
}

/** @param {string} filter @param {string} attribute */
function isAbout(filter, attribute) {
  return comparable(parse(filter)?.attribute ?? "") === comparable(attribute);
}

/** @param {string[]} filters @param {AbortSignal} signal @returns {Promise<Counts>} */
function count(filters, signal) {
  if (filters.length) return facets(filters, signal);
  unfiltered ??= facets([], new AbortController().signal).catch((error) => {
    unfiltered = null;
    throw error;
  });
  return unfiltered;
}

/** A page without filters is worth more than a message about them. @param {unknown} error */
function unlessProblem(error) {
  const isAbort = error instanceof DOMException && error.name === "AbortError";
  if (!(error instanceof Problem) && !isAbort) throw error;
}

/** @param {string} className @param {string} key of its name */
function group(className, key) {
  const element = made("div", className);
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", t(key));
  return element;
}

/** Put a panel below its button, inside the window. @param {HTMLElement} button @param {HTMLElement} panel */
function below(button, panel) {
  const { left, right, bottom } = button.getBoundingClientRect();
  const start = getComputedStyle(button).direction === "rtl" ? right - PANEL_WIDTH : left;
  const most = document.documentElement.clientWidth - PANEL_WIDTH - MARGIN;
  panel.style.setProperty("--x", `${Math.max(MARGIN, Math.min(start, most)) + scrollX}px`);
  panel.style.setProperty("--y", `${bottom + scrollY + 6}px`);
  panel.style.setProperty("--below", `${bottom + 6}px`);
}
