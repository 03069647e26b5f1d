// The words of the page, and how numbers and prices are written. Words with a count have a form for each plural.
//
// English of the first page is here; its other languages are loaded from texts/ where the shopper or the shop chose them.
// The words of what comes later are in folders of texts/, English as well, and added when it comes.

/**
 * @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Text
 * @typedef {Record<string, Text>} Texts by key
 */

/** @type {Texts} */
export const ENGLISH = {
  "page.title": "{shop}: see what looks like your photo",
  "page.new": "New photo",
  "page.stored": "Your photo is only used to answer you; it is not stored.",
  "page.products": { one: "{count} product", other: "{count} products" },
  "page.drop": "Drop the photo to search with it",

  "home.headline": "Show a photo.\nSee its lookalikes.",
  "home.lead": "A jacket on the street, a bag in a film, the shoes you wore out: find what looks most like it.",
  "home.choose": "Choose a photo",
  "home.take": "Take a photo",
  "home.drop": "or drop one anywhere on this page, or paste one with {keys}",

  "examples.title": "Or start from one of these",
  "examples.all": "Browse all",

  "problem.offline": "The service is out of reach",
  "problem.offlineDetail": "Check your connection, then try again.",

  "photo.folder": "That is a folder. Open it, and drop one of its photos here.",

  "address.reading": "Reading the picture at that address…",
  "address.unreadable": "This page may not read pictures from {host}. Save the picture on your device, then choose it here.",
  "address.missing": "There is no picture at that address of {host}.",
  "address.other": "That address of {host} is of a page, not of a picture. Copy the picture itself, and paste it here.",

  "photo.gone": "Photos stay on the device they were chosen on, so that search cannot be shown here. Choose the photo once more.",
};

export const LANGUAGES = ["de", "es", "fr", "pt"]; // of texts/
const RIGHT_TO_LEFT = ["ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"];

let locale = "en";
/** @type {Texts} */
let texts = ENGLISH;
let plurals = new Intl.PluralRules(locale);
let shop = "Lookalike";
/** @type {string | null} */
let shopCurrency = null;

/**
 * Choose the language, and load its words. A word that is missing is English.
 * @param {readonly string[]} wanted BCP 47 tags, the best first
 * @param {Record<string, Texts>} [own] words of the shop by language, in place of the page's
 */
export async function learn(wanted, own = {}) {
  const known = ["en", ...LANGUAGES, ...Object.keys(own)];
  const chosen = wanted.find((tag) => known.includes(tag) || known.includes(base(tag))) ?? "en";
  const loaded = LANGUAGES.includes(base(chosen)) ? await load(base(chosen)) : {};
  locale = loaded ? chosen : "en";
  texts = { ...ENGLISH, ...loaded, ...own[base(locale)], ...own[locale] };
  plurals = new Intl.PluralRules(locale);
  document.documentElement.lang = locale;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(base(locale)) ? "rtl" : "ltr";
}

/**
 * Add words in the language that has been chosen, or else in English. Those of the shop stay.
 * @param {string} folder of texts/
 * @throws {TypeError} where they cannot be had
 */
export async function add(folder) {
  const added = LANGUAGES.includes(language()) && await load(`${folder}/${language()}`) || await load(`${folder}/en`);
  if (!added) throw new TypeError(`no words of ${folder}`);
  texts = { ...added, ...texts };
}

/** @param {string} name of a file of texts/ @returns {Promise<Texts | null>} null where it cannot be had */
async function load(name) {
  try {
    const response = await fetch(new URL(`texts/${name}.json`, import.meta.url));
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
