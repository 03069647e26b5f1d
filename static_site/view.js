// What the page shows of a search: that it is under way, its answer, its trouble. Words from anybody go in as text.

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

import { PAGE_SIZE } from "./api.js";
import { card, picture, prices, waitingCards } from "./card.js";
import { facts, line } from "./details.js";
import { $, fill, land, page, say } from "./page.js";
import { t } from "./texts.js";

// Comparing is the point, so the picture of what was searched with stays in sight: small, in the bar.
new IntersectionObserver(([{ isIntersecting }]) => {
  const url = $("query-picture").getAttribute("src");
  $("reminder").hidden = isIntersecting || $("search").hidden || !url;
  if (url) $("reminder").querySelector("img")?.setAttribute("src", url);
}, { rootMargin: "-60px 0px 0px" }).observe($("query-frame"));
$("reminder").addEventListener("click", () => land($("search-heading")));

/** @param {{retry: () => void, more: () => void, unfilter: () => void, pick: (href: string) => void}} callbacks */
export function on({ retry, more, unfilter, pick }) {
  $("retry").addEventListener("click", retry);
  $("more").addEventListener("click", more);
  $("try-unfiltered").addEventListener("click", unfilter);
  $("try-crop").addEventListener("click", () => openCrop(true));
  $("query-frame").addEventListener("click", () => openCrop($("crop").hidden));
  $("cards").addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link) pick(link.href);
  });
}

/** @param {Query} query @param {boolean} anew whether this is another subject than the one shown */
export function showLoading(query, anew) {
  $("outcome").setAttribute("aria-busy", "true");
  say(t("search.looking"));
  if (!anew) return; // the answer before stays, dimmed, until the new one is there
  outcome(query, t("search.looking"), query.isPhoto ? t("search.comparing") : query.name);
  $("outcome").setAttribute("aria-busy", "true");
  $("cards").replaceChildren(...waitingCards(PAGE_SIZE));
  scrollTo(0, 0);
}

/** @param {Query} query */
export function showQuery(query) {
  picture($("query-frame"), query.imageUrl);
  /** @type {HTMLButtonElement} */ ($("query-frame")).disabled = !croppable(query);
  $("query-product").hidden = query.isPhoto;
  if (query.isPhoto) return;
  if ($("outcome").ariaBusy === "true") $("search-lead").textContent = query.name;
  prices($("query-product"), query);
  const link = /** @type {HTMLAnchorElement} */ ($("query-product").querySelector("a"));
  link.hidden = !query.link;
  if (query.link) link.href = query.link;
}

/**
 * @param {Query} query
 * @param {import("./api.js").Answer} answer
 * @param {{filtered: boolean, move: boolean, picked: string | null, scrolled: number}} how `move` puts the shopper at the
 *   top, or where they were: so far down, on the link that was followed
 */
export function showAnswer(query, answer, { filtered, move, picked, scrolled }) {
  const { results, nothingClose } = answer;
  const none = results.length === 0;
  const held = document.activeElement;
  const plain = t(query.isPhoto ? "search.likePhoto" : "search.likeProduct");
  outcome(query, none ? t("search.none") : nothingClose ? t("search.nothingClose") : plain, lead(query, answer, filtered));
  $("tries").hidden = !nothingClose && !none;
  $("retry").hidden = true;
  $("try-crop").hidden = none || !croppable(query);
  $("try-unfiltered").hidden = !filtered;
  $("cards").replaceChildren(...results.map(card));
  after(answer);
  const found = none ? t("search.none") : t("search.found", { count: results.length });
  say(nothingClose && !none ? `${t("search.nothingClose")}. ${found}` : found);
  if (!move && !held?.closest("[hidden]")) return; // a button that is gone leaves the focus to the headline
  const links = [...$("cards").querySelectorAll("a")];
  const before = links.find((link) => link.href === picked);
  if (!before) land($("search-heading"));
  else before.focus({ preventScroll: scrolled > 0 });
  if (scrolled) scrollTo(0, scrolled);
}

/** @param {import("./api.js").Answer} answer with more results than are shown @param {number} from the first of them */
export function showMore(answer, from) {
  const added = answer.results.slice(from).map((result, i) => card(result, from + i));
  $("cards").append(...added);
  after(answer);
  say(t("search.found", { count: answer.results.length }));
  added[0]?.querySelector("a")?.focus({ preventScroll: true }); // where the button was
}

/** @param {boolean} waiting @param {string} [problem] */
export function showMoreWaiting(waiting, problem = "") {
  /** @type {HTMLButtonElement} */ ($("more")).ariaDisabled = String(waiting); // keeps the focus, unlike disabled
  fill($("more-problem"), problem);
}

/** @param {Query} query @param {Trouble} trouble @param {boolean} filtered */
export function showProblem(query, { headline, detail, passing }, filtered) {
  outcome(query, headline, detail);
  $("tries").hidden = false;
  $("retry").hidden = !passing;
  $("try-crop").hidden = true;
  $("try-unfiltered").hidden = !filtered;
  $("cards").replaceChildren();
  say(`${headline}. ${detail}`);
  land($("search-heading"));
}

/** @param {Query} query */
function croppable({ isPhoto }) {
  return isPhoto && $("crop").hasChildNodes();
}

/** @param {boolean} open */
export function openCrop(open) {
  $("crop").hidden = !open;
  $("query-frame").setAttribute("aria-expanded", String(open));
}

/** The page of a search, with nothing below its headline yet. @param {Query} query @param {string} headline @param {string} words */
function outcome(query, headline, words) {
  page("search", t("page.results", { headline }));
  showQuery(query);
  $("search-heading").textContent = headline;
  $("search-lead").textContent = words;
  $("outcome").setAttribute("aria-busy", "false");
  for (const id of ["tries", "more", "details", "more-problem"]) $(id).hidden = true;
}

/** @param {Query} query @param {import("./api.js").Answer} answer @param {boolean} filtered */
function lead(query, { results, nothingClose, products }, filtered) {
  if (!results.length) return t(filtered ? "search.noneFiltered" : "search.noneLead");
  if (nothingClose) return t("search.nothingCloseLead");
  if (!query.isPhoto) return query.name;
  return products === null ? "" : t("search.closestOf", { count: products });
}

/** What comes below the cards. @param {import("./api.js").Answer} answer */
function after(answer) {
  $("more").hidden = answer.next === null;
  showMoreWaiting(false);
  $("details").hidden = answer.results.length === 0;
  $("details-facts").replaceChildren(...facts(answer).map(([name, value]) => {
    const row = document.createElement("div");
    row.append(made("dt", name), made("dd", value));
    return row;
  }));
  $("details-distances").replaceChildren(...answer.results.map((result) => made("li", line(result))));
}

/** @param {string} tag @param {string} words */
function made(tag, words) {
  return Object.assign(document.createElement(tag), { textContent: words });
}
