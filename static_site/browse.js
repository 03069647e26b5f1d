// All products, in an order of their own, narrowed by filters: for a shopper without a photo.

/** @typedef {import("./api.js").Listed} Listed */

import { PAGE_SIZE, Problem, list } from "./api.js";
import { card, waitingCards } from "./card.js";
import { made } from "./choices.js";
import { filterRow } from "./filters.js";
import { fill } from "./page.js";
import { NO_OPTIONS } from "./route.js";
import { t } from "./texts.js";

/** @param {HTMLElement} element @param {import("./app.js").Callbacks} callbacks @returns {ReturnType<import("./app.js").Module[1]>} */
export function mount(element, { change }) {
  const heading = made("h1", "", t("browse.title"));
  const lead = made("p", "lead");
  const row = made("div", "filter-row");
  const cards = made("ol", "cards");
  const trouble = made("p", "lead");
  const more = made("button", "button second more", t("search.more"));
  const filters = filterRow(row, change);
  element.className = "browse";
  cards.setAttribute("role", "list");
  cards.setAttribute("aria-label", t("browse.title"));
  trouble.setAttribute("role", "alert");
  more.hidden = true;
  element.replaceChildren(heading, lead, row, cards, trouble, more);

  let shown = "";
  /** @type {Listed} */
  let listed = { products: [], total: 0, next: null };
  /** @type {AbortSignal} */
  let signal;
  /** @type {string[]} */
  let narrowed = [];

  more.addEventListener("click", () => more.ariaDisabled !== "true" && page(listed.next ?? 0));
  cards.addEventListener("click", ({ target }) => {
    const link = target instanceof Element ? target.closest("a") : null;
    if (link) history.replaceState({ ...history.state, picked: link.href }, "");
  });

  /** @param {number} offset */
  async function page(offset) {
    const asked = signal;
    more.ariaDisabled = "true";
    fill(trouble, "");
    const found = await list({ ...NO_OPTIONS, filters: narrowed, offset }, asked).catch(problem);
    if (asked.aborted) return;
    more.ariaDisabled = "false";
    if (found instanceof Problem) return failed(found, offset);
    // The catalogue may have changed in between, and moved a product from one page to the next.
    const known = new Set(offset ? listed.products.map(({ id }) => id) : []);
    const added = found.products.filter(({ id }) => !known.has(id));
    listed = { ...found, products: offset ? [...listed.products, ...added] : added };
    const items = added.map((product, place) => card(product, known.size + place));
    if (offset) cards.append(...items);
    else cards.replaceChildren(...items);
    cards.setAttribute("aria-busy", "false");
    lead.textContent = listed.total ? t("page.products", { count: listed.total }) : t("search.noneFiltered");
    more.hidden = listed.next === null;
    more.textContent = t("search.more");
    if (offset) items[0]?.querySelector("a")?.focus({ preventScroll: true });
  }

  /** @param {Problem} error @param {number} offset */
  function failed(error, offset) {
    fill(trouble, `${error.message}. ${error.detail}`);
    if (!offset) cards.replaceChildren();
    if (!offset) [listed, lead.textContent] = [{ products: [], total: 0, next: 0 }, ""];
    more.hidden = !error.passing;
    more.textContent = t("try.again");
  }

  return {
    show({ route, signal: now }) {
      signal = now;
      narrowed = route.options.filters;
      filters.show(narrowed, now, true);
      const key = JSON.stringify(narrowed);
      const picked = history.state?.picked;
      const link = key === shown && [...cards.querySelectorAll("a")].find((a) => a.href === picked);
      if (link) return link.focus(); // on the way back, where the shopper left
      if (!listed.products.length) cards.replaceChildren(...waitingCards(PAGE_SIZE));
      shown = key;
      cards.setAttribute("aria-busy", "true");
      page(0);
    },
  };
}

/** @param {unknown} error @returns {Problem} */
function problem(error) {
  if (error instanceof Problem) return error;
  if (error instanceof DOMException && error.name === "AbortError") return new Problem("", "", false);
  throw error;
}
