// The words of the page, and how numbers and prices are written. Words with a count have a form for each plural.
//
// English is here; another language is loaded from texts/ where the shopper or the shop chose it.

/**
 * @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Text
 * @typedef {Record<string, Text>} Texts by key
 */

/** @type {Texts} */
export const ENGLISH = {
  "page.title": "{shop}: see what looks like your photo",
  "page.results": "{headline} · {shop}",
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

  "photo.other": "That file is not a photo",
  "photo.otherDetail": "Choose a photo, for example a JPEG, PNG or WebP file.",
  "photo.heic": "This browser cannot open HEIC photos",
  "photo.heicDetail": "Save the photo as a JPEG, or take a screenshot of it, and choose that.",
  "photo.svg": "That is a drawing, not a photo",
  "photo.svgDetail": "An SVG file has no pixels to compare. Choose a photo, or a screenshot of the drawing.",
  "photo.video": "That is a video",
  "photo.videoDetail": "Stop it where the product is seen best, take a screenshot, and choose that.",
  "photo.pdf": "That is a PDF document",
  "photo.pdfDetail": "Take a screenshot of the picture in it, and choose that.",
  "photo.empty": "That file is empty",
  "photo.emptyDetail": "It may not be downloaded yet. Open it once, then choose it again.",
  "photo.unreadable": "That file cannot be read",
  "photo.unreadableDetail": "It may have been moved or deleted. Choose it again.",
  "photo.large": "That photo is too large to send",
  "photo.largeDetail": "This browser cannot make it smaller, and its {size} MB are over the limit of 4 MB. Save it as a JPEG and choose it again.",
  "photo.folder": "That is a folder. Open it, and drop one of its photos here.",

  "address.reading": "Reading the picture at that address…",
  "address.unreadable": "This page may not read pictures from {host}. Save the picture on your device, then choose it here.",
  "address.missing": "There is no picture at that address of {host}.",
  "address.other": "That address of {host} is of a page, not of a picture. Copy the picture itself, and paste it here.",

  "photo.gone": "Photos stay on the device they were chosen on, so that search cannot be shown here. Choose the photo once more.",
};

export const LANGUAGES = ["de", "es", "fr", "pt"]; // of texts/
const RIGHT_TO_LEFT = ["ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"];

/** Words beside those of the shopper's page: their English, and the folder of the other languages. @type {{english: Texts, folder: string}[]} */
const more = [];
let locale = "en";
let texts = ENGLISH;
let plurals = new Intl.PluralRules(locale);
let shop = "Lookalike";
/** @type {string | null} */
let shopCurrency = null;

/** Add the words of another page, before a language is chosen. @param {Texts} english @param {string} folder of its other languages */
export function add(english, folder) {
  more.push({ english, folder });
}

/**
 * Choose the language, and load its words. A word that is missing is English.
 * @param {readonly string[]} wanted BCP 47 tags, the best first
 * @param {Record<string, Texts>} [own] words of the shop by language, in place of the page's
 */
export async function learn(wanted, own = {}) {
  const known = ["en", ...LANGUAGES, ...Object.keys(own)];
  const chosen = wanted.find((tag) => known.includes(tag) || known.includes(base(tag))) ?? "en";
  const folders = LANGUAGES.includes(base(chosen)) ? ["texts", ...more.map(({ folder }) => folder)] : [];
  const loaded = await Promise.all(folders.map((folder) => load(`${folder}/${base(chosen)}.json`)));
  locale = loaded.includes(null) ? "en" : chosen;
  const words = locale === chosen ? loaded : [];
  texts = Object.assign({}, ENGLISH, ...more.map(({ english }) => english), ...words, own[base(locale)], own[locale]);
  plurals = new Intl.PluralRules(locale);
  document.documentElement.lang = locale;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(base(locale)) ? "rtl" : "ltr";
}

/** @param {string} file @returns {Promise<Texts | null>} null where it cannot be had */
async function load(file) {
  try {
    const response = await fetch(new URL(file, import.meta.url));
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** @param {string} tag */
function base(tag) {
  return tag.split("-")[0];
}

/** @returns {string} the language that is spoken, without its country */
export function language() {
  return base(locale);
}

/** @param {string} name of the shop, in the words @param {string | null} currency of prices that name none */
export function nameShop(name, currency) {
  shop = name;
  shopCurrency = currency;
}

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] put where the text has their names in braces; `count` chooses the plural
 * @returns {string} the key itself where there is no such text, so that it is seen
 */
export function t(key, values = {}) {
  const found = texts[key] ?? key;
  const text = typeof found === "string" ? found : found[plurals.select(Number(values.count))] ?? found.other ?? key;
  return text.replaceAll(/\{(\w+)\}/g, (braces, name) => {
    const value = name === "shop" ? shop : values[name];
    return value === undefined ? braces : typeof value === "number" ? number(value) : value;
  });
}

/** @param {string} key */
export function has(key) {
  return Object.hasOwn(texts, key);
}

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export function number(value, options) {
  return value.toLocaleString(locale, options);
}

/**
 * @param {number} amount
 * @param {string | null} currency a code of ISO 4217, or any other word of the catalogue's; null means the shop's
 */
export function price(amount, currency) {
  currency ??= shopCurrency;
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
