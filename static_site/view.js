// The only module that writes to the page. Words from the service or the shopper go in as text, never as markup.

/**
 * @typedef {object} Subject
 * @property {string} name
 * @property {boolean} isPhoto whether it is the shopper's own photo, not a product
 * @property {string | null} imageUrl "" while it is not known yet, null where there is none
 *
 * @typedef {Subject & import("./api.js").Facts} Query what was searched with
 *
 * @typedef {{headline: string, detail: string, passing: boolean}} Trouble
 */

import { format } from "./route.js";
import { facts, prices, stock } from "./words.js";

const CARDS = 5;
const RANKS = ["Closest", "2nd closest", "3rd closest", "4th closest", "5th closest"];

const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
if (isApple) $("paste-keys").textContent = "⌘ V";

/** @param {() => void} retry */
export function onRetry(retry) {
  $("retry").addEventListener("click", retry);
}

/** @param {(productId: string) => void} picked called before the address changes */
export function onPick(picked) {
  $("cards").addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link?.dataset.productId) picked(link.dataset.productId);
  });
}

/** @param {{focus: boolean, notice?: string}} options */
export function showHome({ focus, notice = "" }) {
  page("home", "Lookalike: see what looks like your photo");
  $("notice").textContent = notice;
  $("notice").hidden = !notice;
  say(notice);
  if (focus) land($("home-heading"));
}

/** @param {Query} query */
export function showLoading(query) {
  outcome(query, "Looking for lookalikes…", "Comparing with every product.");
  $("outcome").setAttribute("aria-busy", "true");
  $("cards").replaceChildren(...Array.from({ length: CARDS }, () => copy("waiting-card")));
  $("grid").hidden = false;
  say("Searching…");
  scrollTo(0, 0);
}

/** @param {Query} query */
export function showQuery(query) {
  $("query-name").textContent = query.name;
  describe($("query-words"), query);
  picture($("query-frame"), query.imageUrl);
}

/**
 * @param {Query} query
 * @param {import("./api.js").Answer} answer
 * @param {string | null} [picked] the product whose card to stand on
 */
export function showAnswer(query, answer, picked = null) {
  const { results, nothingClose } = answer;
  const count = results.length === 1 ? "1 product" : `${results.length} products`;
  const like = query.isPhoto ? "like your photo" : "like this one";
  const found = nothingClose ? `Nothing close ${query.isPhoto ? "to your photo" : "to this one"}` : `${count} ${like}`;
  outcome(query, results.length ? found : "Nothing to show beside it", provenance(answer));
  $("cards").replaceChildren(...results.map((result, index) => card(result, index, answer.farthest)));
  $("grid").hidden = $("again").hidden = false;
  $("legend").hidden = results.length === 0;
  say(results.length ? `${nothingClose ? "Nothing close found. " : ""}${count} found.` : "No products found.");
  const links = [...$("cards").querySelectorAll("a")];
  const before = picked === null ? null : links.find((link) => link.dataset.productId === picked);
  if (before) before.focus();
  else land($("search-heading"));
}

/**
 * @param {Query} query
 * @param {Trouble} trouble
 */
export function showProblem(query, { headline, detail, passing }) {
  outcome(query, headline, detail);
  $("actions").hidden = false;
  $("outcome").classList.add("trouble");
  $("retry").hidden = !passing;
  say(`${headline}. ${detail}`);
  land($("search-heading"));
}

/** @param {{products: number, model: string} | null} catalogue */
export function showCatalogue(catalogue) {
  if (!catalogue) return;
  const { products, model } = catalogue;
  $("catalogue").textContent = `${number(products)} ${products === 1 ? "product" : "products"} · ${model}`;
  $("catalogue").hidden = false;
}

/**
 * The result page with its headline, and nothing below it yet.
 * @param {Query} query
 * @param {string} headline
 * @param {string} lead
 */
function outcome(query, headline, lead) {
  page("search", `${headline} · Lookalike`);
  showQuery(query);
  $("search-heading").textContent = headline;
  $("search-lead").textContent = lead;
  $("outcome").setAttribute("aria-busy", "false");
  $("outcome").classList.remove("trouble");
  for (const id of ["actions", "grid", "again", "legend"]) $(id).hidden = true;
}

/** @param {"home" | "search"} shown @param {string} title */
function page(shown, title) {
  document.title = title;
  $("home").hidden = shown !== "home";
  $("search").hidden = shown !== "search";
  $("new-search").hidden = shown === "home";
}

/** @param {import("./api.js").Answer} answer @returns {string} how the answer was made */
function provenance({ results, products, tookMs, nothingClose }) {
  if (!results.length) return "The catalogue has no other product to compare with.";
  const weak = nothingClose ? " These come nearest, and every one is a weak match." : "";
  if (products === null) return `Closest first.${weak}`;
  const time = tookMs === null ? "" : ` in ${number(Math.max(1, Math.round(tookMs)))} ms`;
  const compared = products === 1 ? "The only product compared" : `All ${number(products)} products compared`;
  return `${compared}${time}.${weak}`;
}

/** @param {import("./api.js").Result} result @param {number} index @param {number} farthest */
function card(result, index, farthest) {
  const item = copy("card");
  const link = /** @type {HTMLAnchorElement} */ (item.querySelector("a"));
  link.textContent = result.name;
  link.href = format({ kind: "product", id: result.id });
  link.dataset.productId = result.id;
  describe(item, result);
  part(item, ".rank").textContent = RANKS[index] ?? "";
  if (result.distance !== null) {
    const judged = result.match ? `${result.match}\u00a0match · ` : "";
    part(item, ".distance").textContent = `${judged}distance\u00a0${result.distance.toFixed(3)}`;
    // Set through the object model: a style attribute is what the content security policy forbids.
    const closeness = Math.min(1, Math.max(0, 1 - result.distance / farthest));
    part(item, ".line div").style.inlineSize = `${closeness * 100}%`;
  }
  picture(part(item, ".frame"), result.imageUrl);
  return item;
}

/**
 * Show a picture in its frame, or words where there is none to show.
 * @param {HTMLElement} frame
 * @param {string | null} url "" leaves the frame blank
 */
function picture(frame, url) {
  const image = /** @type {HTMLImageElement} */ (part(frame, "img"));
  const words = part(frame, ".no-picture");
  if (url && image.getAttribute("src") === url) return; // shown already, or known to be missing
  words.hidden = url !== null;
  image.hidden = !url;
  image.onerror = () => {
    image.hidden = true;
    words.hidden = false;
  };
  if (url) image.src = url;
  else image.removeAttribute("src");
}

/**
 * Say what is known of a product: brand, price, stock, facts, and where to buy it.
 * @param {HTMLElement} element
 * @param {import("./api.js").Facts} product
 */
function describe(element, product) {
  const price = prices(product);
  fill(part(element, ".maker"), product.brand);
  fill(part(element, ".now"), price?.now);
  fill(part(element, ".before"), price?.before);
  part(element, ".price").hidden = !price;
  fill(part(element, ".stock"), stock(product));
  const link = /** @type {HTMLAnchorElement} */ (part(element, ".shop"));
  link.hidden = !product.link;
  if (product.link) link.href = product.link;
  part(element, ".facts").replaceChildren(...facts(product).map(([name, value]) => {
    const row = document.createElement("div");
    const term = row.appendChild(document.createElement("dt"));
    term.className = "for-ears";
    term.textContent = name;
    row.appendChild(document.createElement("dd")).textContent = value;
    return row;
  }));
}

/** @param {HTMLElement} element @param {string | null | undefined} words */
function fill(element, words) {
  element.textContent = words ?? "";
  element.hidden = !words;
}

/** @param {HTMLElement} heading */
function land(heading) {
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

/** @param {string} words */
function say(words) {
  $("status").textContent = words;
}

/** @param {string} id @returns {HTMLElement} */
function copy(id) {
  const template = /** @type {HTMLTemplateElement} */ ($(id));
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
}

/** @param {HTMLElement} element @param {string} selector */
function part(element, selector) {
  return /** @type {HTMLElement} */ (element.querySelector(selector));
}

/** @param {number} value */
function number(value) {
  return value.toLocaleString("en");
}
