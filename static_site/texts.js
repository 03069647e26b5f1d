// The words of the page, and how numbers and prices are written. Words with a count have a form for each plural.

/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Text */

/** @type {Record<string, Text>} */
const ENGLISH = {
  "page.title": "Lookalike: see what looks like your photo",
  "page.results": "{headline} · Lookalike",
  "page.new": "New photo",
  "page.stored": "Your photo is only used to answer you; it is not stored.",
  "page.products": { one: "{count} product", other: "{count} products" },
  "page.drop": "Drop the photo to search with it",

  "home.headline": "Show a photo.\nSee its lookalikes.",
  "home.lead": "A jacket on the street, a bag in a film, the shoes you wore out: find what looks most like it.",
  "home.choose": "Choose a photo",
  "home.take": "Take a photo",
  "home.drop": "or drop one anywhere on this page, or paste one with {keys}",

  "search.label": "Your search",
  "search.yourPhoto": "Your photo",
  "search.looking": "Looking…",
  "search.comparing": "Comparing with every product.",
  "search.closestOf": { one: "The only product here", other: "Closest of {count} products" },
  "search.likePhoto": "Looks like your photo",
  "search.likeProduct": "More like this",
  "search.found": { one: "{count} product found.", other: "{count} products found." },
  "search.none": "Nothing to show here",
  "search.noneLead": "There is no other product to compare with.",
  "search.noneFiltered": "No product has all of these filters.",
  "search.nothingClose": "Nothing close",
  "search.nothingCloseLead": "These come nearest. To get closer:",
  "search.top": "Back to what you searched with",
  "search.frame": "Frame a part of your photo",
  "search.noPreview": "No preview",
  "search.results": "Results",
  "search.more": "Show more",
  "search.moreFailed": "More products could not be loaded. Try again.",

  "crop.label": "Frame a part of your photo",
  "crop.box": "Frame: arrow keys move it, Shift and arrow keys resize it",
  "crop.hint": "Drag the corners around what you mean.",
  "crop.whole": "Whole photo",
  "crop.left": "Left edge",
  "crop.top": "Top edge",
  "crop.right": "Right edge",
  "crop.bottom": "Bottom edge",

  "weights.label": "Shape or colour: which counts more",
  "weights.shape": "Shape",
  "weights.colour": "Colour",
  "weights.both": "Both",
  "weights.moreShape": "More shape",
  "weights.moreColour": "More colour",

  "try.crop": "Frame the one thing you mean",
  "try.photo": "Try another photo",
  "try.filters": "Search without filters",
  "try.again": "Try again",

  "card.more": "More like this",
  "card.moreOf": "More like this: {name}",
  "card.noPicture": "No picture to show",
  "card.unnamed": "Product {id}",
  "card.before": "Before: {price}",
  "card.shop": "See it in the shop",

  "close.strong": "Very close",
  "close.fair": "Close",
  "close.weak": "Looser",

  "stock.in": "In stock",
  "stock.out": "Out of stock",
  "stock.preorder": "Pre-order",
  "stock.backorder": "Back-order",

  "filter.label": "Filter",
  "filter.chosen": "Chosen filters",
  "filter.find": "Find in this list",
  "filter.least": "From",
  "filter.most": "Up to",
  "filter.range": "{from} – {to}",
  "filter.from": "From {from}",
  "filter.upTo": "Up to {to}",
  "filter.clear": "Clear",
  "filter.clearAll": "Clear all",
  "filter.remove": "Remove {value} ({name})",
  "filter.done": { one: "Show {count} product", other: "Show {count} products" },
  "filter.of.price": "Price",
  "filter.of.brand": "Brand",
  "filter.of.colour": "Colour",
  "filter.of.producttype": "Product type",
  "filter.of.articletype": "Article type",
  "filter.of.category": "Category",
  "filter.of.gender": "Gender",
  "filter.of.size": "Size",
  "filter.of.material": "Material",
  "filter.of.availability": "Availability",
  "filter.of.season": "Season",
  "filter.of.year": "Year",

  "examples.title": "Or start from one of these",
  "examples.all": "Browse all",
  "browse.title": "Browse",

  "details.title": "Details",
  "details.compared": "Products compared",
  "details.time": "Time taken",
  "details.ms": "{count} ms",
  "details.scale": "Very close, close",
  "details.scaleValue": "up to {strong}, up to {fair}",
  "details.snapshot": "Snapshot",
  "details.distances": "Distances: 0 is the same picture",

  "problem.body-too-large": "That photo is too large",
  "problem.not-an-image": "That is not a photo we can read",
  "problem.undecodable-image": "That photo looks damaged",
  "problem.too-many-pixels": "That photo has too many pixels",
  "problem.too-much-work": "That photo takes too long to read",
  "problem.decoder-unavailable": "That photo cannot be read just now",
  "problem.crop-too-small": "That part of the photo is too small",
  "problem.catalogue-empty": "There is nothing to compare with yet",
  "problem.store-unavailable": "The catalogue is out of reach",
  "problem.not-found": "That product is not here",
  "problem.product-pending": "That product is not ready yet",
  "problem.bad-filter": "That filter does not work here",
  "problem.unknown-attribute": "That filter does not work here",
  "problem.timeout": "That took too long",
  "problem.timeoutDetail": "The service did not answer in time. Try again.",
  "problem.offline": "The service is out of reach",
  "problem.offlineDetail": "Check your connection, then try again.",
  "problem.other": "Something went wrong",
  "problem.soon": "Try again in a moment.",
  "problem.another": "Try another photo.",
  "problem.ours": "The fault is ours. Reload the page.",

  "photo.gone": "Photos stay on the device they were chosen on, so that search cannot be shown here. Choose the photo once more.",
};

const language = "en";
const texts = ENGLISH;
const plurals = new Intl.PluralRules(language);

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] put where the text has their names in braces; `count` chooses the plural
 * @returns {string} the key itself where there is no such text, so that it is seen
 */
export function t(key, values = {}) {
  const found = texts[key] ?? key;
  const text = typeof found === "string" ? found : found[plurals.select(Number(values.count))] ?? found.other ?? key;
  return text.replaceAll(/\{(\w+)\}/g, (braces, name) => {
    const value = values[name];
    return value === undefined ? braces : typeof value === "number" ? number(value) : value;
  });
}

/** @param {string} key */
export function has(key) {
  return Object.hasOwn(texts, key);
}

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export function number(value, options) {
  return value.toLocaleString(language, options);
}

/** @param {number} amount @param {string | null} currency a code of ISO 4217, or any other word of the catalogue's */
export function price(amount, currency) {
  try {
    if (currency) return number(amount, { style: "currency", currency });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // not a code of ISO 4217
  }
  const digits = Number.isInteger(amount) ? 0 : 2;
  const plain = number(amount, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return currency ? `${plain} ${currency}` : plain;
}

/**
 * Put words into the elements below `root` that name them: `data-t` as text, `data-t-label` as the accessible name.
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.getAttribute("data-t") ?? "");
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.getAttribute("data-t-label") ?? ""));
  }
}
