// What all pages share: which of them is shown, where the shopper stands, what is said aloud.

import { t, translate } from "./texts.js";

export const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/** Put the words into the page. To be called once they are known, and before anything is shown. */
export function speak() {
  translate(document);
  $("drop-hint").textContent = t("home.drop", { keys: isApple ? "⌘ V" : "Ctrl + V" });
}

/** @param {{browse: boolean, focus: boolean, notice?: string}} options */
export function showHome({ browse, focus, notice = "" }) {
  page(browse ? "browse" : "home", t("page.title"));
  fill($("notice"), notice);
  say(notice);
  if (focus) land(browse ? $("browse") : $("home-heading"));
}

/** @param {number | null} products */
export function showCatalogue(products) {
  if (products !== null) $("catalogue").textContent = t("page.products", { count: products });
}

/** @param {"home" | "browse" | "search"} shown @param {string} title */
export function page(shown, title) {
  document.title = title;
  $("home").hidden = shown !== "home";
  $("browse").hidden = shown === "search";
  $("search").hidden = shown !== "search";
  $("new-photo").hidden = shown === "home";
  if (shown === "search") $("notice").hidden = true;
  else $("reminder").hidden = true;
}

/** Put the shopper at the top. @param {HTMLElement} heading */
export function land(heading) {
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

/** Tell of something beside what the page shows. @param {string} words */
export function notify(words) {
  fill($("notice"), words);
  say(words);
  $("notice").scrollIntoView({ block: "nearest" });
}

/** @param {string} words */
export function say(words) {
  $("status").textContent = words;
}

/** @param {HTMLElement} element @param {string | null | undefined} words nothing hides the element */
export function fill(element, words) {
  element.textContent = words ?? "";
  element.hidden = !words;
}

/**
 * Load style sheets that the first page does without.
 * @param {string[]} hrefs
 * @returns {Promise<unknown>} once they hold, or cannot be had
 */
export function style(hrefs) {
  return Promise.all(hrefs.map((href) => new Promise((done) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href, onload: done, onerror: done });
    document.head.append(link);
  })));
}
