// Without a photo: a few products to start from, and all of them to look through.

/**
 * @typedef {import("./api.js").Listed} Listed
 * @typedef {import("./app.js").Slot} Slot
 * @typedef {import("./app.js").Callbacks} Callbacks
 */

import { PAGE_SIZE, Problem, list } from "./api.js";
import { card, fill, waitingCards } from "./card.js";
import { made } from "./choices.js";
import { filterRow } from "./filters.js";
import { NO_OPTIONS, format } from "./route.js";
import { t } from "./texts.js";

const EXAMPLES = 8;

/** The first page's pictures. @param {HTMLElement} element @returns {Slot} */
export function mountExamples(element) {
  let isAsked = false;
  return {
    async show({ route }) {
      if (route.kind !== "home" || isAsked) return;
      isAsked = true;
      const head = made("div", "examples-head", made("h2", "", t("examples.title")));
      const all = Object.assign(document.createElement("a"), { href: format({ kind: "browse" }), textContent: t("examples.all") });
      head.append(all);
      const pictures = made("ul", "examples");
      pictures.setAttribute("role", "list");
      pictures.append(...Array.from({ length: EXAMPLES }, () => made("li", "frame waiting")));
      element.replaceChildren(head, pictures);
      const found = await list(NO_OPTIONS, new AbortController().signal).catch(problem);
      const some = found instanceof Problem ? [] : found.products.filter(({ imageUrl }) => imageUrl).slice(0, EXAMPLES);
      if (some.length) pictures.replaceChildren(...some.map(example));
      else element.replaceChildren();
    },
  };
}

/** @param {import("./api.js").Result} product */
function example({ id, name, imageUrl }) {
  const image = Object.assign(document.createElement("img"), { alt: name, width: 240, height: 300, draggable: false });
  const link = Object.assign(document.createElement("a"), { className: "frame", href: format({ kind: "product", id }), title: name });
  const item = made("li", "", link);
  image.addEventListener("error", () => item.remove());
  image.src = imageUrl ?? "";
  link.append(image);
  return item;
}

/** The page of all products. @param {HTMLElement} element @param {Callbacks} callbacks @returns {Slot} */
export function mountBrowse(element, { change }) {
  const heading = made("h1", "", t("browse.title"));
  const lead = made("p", "lead");
  const row = made("div", "");
  const cards = made("ol", "cards");
  const trouble = made("p", "lead");
  const more = made("button", "button second more", t("search.more"));
  const filters = filterRow(row, change);
  element.tabIndex = -1; // the page moves the focus here
  element.className = "browse";
  cards.setAttribute("role", "list");
  cards.setAttribute("aria-label", t("browse.title"));
  trouble.setAttribute("role", "alert");
  more.hidden = true;

  let shown = "";
  /** @type {Listed} */
  let listed = { products: [], total: 0, next: null };
  /** @type {AbortSignal} */
  let signal;
  /** @type {string[]} */
  let narrowed = [];

  more.addEventListener("click", () => page(listed.next ?? 0));
  cards.addEventListener("click", ({ target }) => {
    const id = target instanceof Element ? target.closest("a")?.dataset.productId : undefined;
    if (id) history.replaceState({ ...history.state, picked: id }, "");
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
      if (route.kind !== "browse") return;
      if (!heading.isConnected) element.append(heading, lead, row, cards, trouble, more);
      signal = now;
      narrowed = route.options.filters;
      filters.show(narrowed, now);
      const key = JSON.stringify(narrowed);
      const picked = history.state?.picked;
      const link = key === shown && [...cards.querySelectorAll("a")].find((a) => a.dataset.productId === picked);
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
