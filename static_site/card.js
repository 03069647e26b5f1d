// A product as the page shows it. Words of the catalogue go in as text, never as markup.

import { fill } from "./page.js";
import { format } from "./route.js";
import { price, t, translate } from "./texts.js";

const EAGER = 5; // pictures that are in the first screen of a desktop; a phone's five are not far below
const STOCK = new Map([["out_of_stock", "stock.out"], ["discontinued", "stock.out"], ["unpublished", "stock.out"],
  ["preorder", "stock.preorder"], ["backorder", "stock.backorder"]]);

/**
 * @param {import("./api.js").Result} result
 * @param {number} place from 0
 * @returns {HTMLElement} a list item
 */
export function card(result, place) {
  const item = copy("card");
  const similar = format({ kind: "product", id: result.id });
  const name = /** @type {HTMLAnchorElement} */ (part(item, ".card-name a"));
  name.textContent = result.name;
  name.title = result.name; // which two lines may not hold
  name.href = result.link ?? similar;
  const like = /** @type {HTMLAnchorElement} */ (part(item, ".like"));
  if (result.link) {
    like.href = similar;
    like.title = t("card.more");
    like.setAttribute("aria-label", t("card.moreOf", { name: result.name }));
  } else {
    // The card itself leads to its neighbours: one link is enough.
    const mark = Object.assign(document.createElement("span"), { className: "like" });
    mark.append(...like.children);
    like.replaceWith(mark);
  }
  fill(part(item, ".maker"), result.brand);
  prices(item, result);
  fill(part(item, ".closeness"), closeness(result));
  const frame = part(item, ".frame");
  /** @type {HTMLImageElement} */ (part(frame, "img")).loading = place < EAGER ? "eager" : "lazy";
  picture(frame, result.imageUrl);
  return item;
}

/** @param {number} count @returns {HTMLElement[]} */
export function waitingCards(count) {
  return Array.from({ length: count }, () => copy("waiting-card"));
}

/** @param {import("./api.js").Shown} result @returns {string} "" where matches are not judged */
export function closeness({ match }) {
  return match ? t(`close.${match}`) : "";
}

/**
 * Say of a product what it costs and whether it can be had.
 * @param {HTMLElement} element
 * @param {import("./api.js").Facts} product
 */
export function prices(element, product) {
  const { price: now, regularPrice: before, currency } = product;
  const stock = STOCK.get(String(product.attributes.availability));
  fill(part(element, ".now"), now === null ? null : price(now, currency));
  const reduced = now !== null && before !== null && before > now;
  fill(part(element, ".before"), reduced ? price(before, currency) : null);
  if (reduced) part(element, ".before").setAttribute("aria-label", t("card.before", { price: price(before, currency) }));
  fill(part(element, ".stock"), stock ? t(stock) : null);
  part(element, ".price").hidden = now === null && !stock;
}

/**
 * Show a picture in its frame, or words where there is none to show.
 * @param {HTMLElement} frame
 * @param {string | null} url "" leaves the frame blank
 */
export function picture(frame, url) {
  const image = /** @type {HTMLImageElement} */ (part(frame, "img"));
  const words = part(frame, ".no-picture");
  if (url && image.getAttribute("src") === url) return; // shown already, or known to be missing
  words.hidden = url !== null;
  image.hidden = !url;
  image.onload = () => fit(frame, image);
  image.onerror = () => {
    image.hidden = true;
    words.hidden = false;
  };
  if (url) image.src = url;
  else image.removeAttribute("src");
}

/** A picture of nearly its frame's shape fills it; any other is shown whole. @param {HTMLElement} frame @param {HTMLImageElement} image */
export function fit(frame, { naturalWidth, naturalHeight }) {
  frame.classList.toggle("fills", Math.abs(naturalWidth / naturalHeight - 0.8) < 0.07);
}

/** @param {string} id @returns {HTMLElement} the content of a template */
function copy(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  const made = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  translate(made);
  return made;
}

/** @param {HTMLElement} element @param {string} selector */
export function part(element, selector) {
  return /** @type {HTMLElement} */ (element.querySelector(selector));
}
