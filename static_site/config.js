// The merchant's own page: config.json gives its name, logo, colours, words and language. docs/page.md describes it.
//
// All of it may be missing. A value that cannot be used is left out in silence: a shopper can do nothing about it.

import { learn, nameShop } from "./texts.js";

const TIMEOUT_MS = 3000; // a page with the usual name is better than none

/** Read config.json, and make the page the shop's. To be called before any words are shown. */
export async function dress() {
  const { name, logo, colours, texts, language, currency } = await read();
  const shop = typeof name === "string" && name.trim() ? name.trim() : "Lookalike";
  nameShop(shop, /^[A-Z]{3}$/.test(currency) ? currency : null);
  sign(shop, address(logo));
  const own = Object.entries(object(texts)).map(([tag, words]) => [tagOf(tag), usable(words)]);
  const wanted = [tagOf(language), ...navigator.languages].filter(Boolean);
  await Promise.all([learn(wanted, Object.fromEntries(own)), colours && paint(object(colours))]);
}

/** @param {Record<string, any>} colours */
async function paint(colours) {
  const { styleOf } = await import("./colours.js").catch(() => ({ styleOf: () => "" }));
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styleOf(colours));
  document.adoptedStyleSheets.push(sheet);
}

/** @returns {Promise<Record<string, any>>} */
async function read() {
  try {
    const response = await fetch("config.json", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok ? object(await response.json()) : {};
  } catch {
    return {};
  }
}

/** @param {unknown} value @returns {Record<string, any>} */
function object(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** @param {unknown} tag @returns {string} "" for what is no language */
function tagOf(tag) {
  try {
    return typeof tag === "string" ? Intl.getCanonicalLocales(tag)[0] : "";
  } catch {
    return "";
  }
}

/** @param {unknown} words @returns {import("./texts.js").Texts} those that are a text, or texts by plural */
function usable(words) {
  const isText = (/** @type {unknown} */ text) => typeof text === "string";
  return Object.fromEntries(Object.entries(object(words)).filter(([, text]) =>
    isText(text) || (isText(object(text).other) && Object.values(text).every(isText))));
}

/** @param {unknown} logo @returns {string | null} null for what the page's content security policy would block */
function address(logo) {
  if (typeof logo !== "string" || !logo || !URL.canParse(logo, document.baseURI)) return null;
  const url = new URL(logo, document.baseURI);
  return url.origin === location.origin ? url.href : null;
}

/** The shop's name, or its logo in place of it, at the top. @param {string} shop @param {string | null} logo */
function sign(shop, logo) {
  const brand = document.getElementById("brand");
  if (!brand) return;
  const name = brand.querySelector("span");
  if (name) name.textContent = shop;
  brand.hidden = logo !== null;
  if (!logo) return;
  const image = new Image();
  image.alt = shop;
  image.onerror = () => (brand.hidden = false);
  image.onload = () => {
    brand.replaceChildren(image);
    brand.hidden = false;
  };
  image.src = logo;
}
