// What the page says of a product: its price, whether it is to be had, and the attributes that tell most of it.

/** @typedef {import("./api.js").Facts} Facts */

const SHOWN = 3;
const LONGEST = 32;
// What shoppers look at first, as parts of attributes' names; every catalogue names its fields its own way.
const TELLING = ["type", "colour", "color", "gender", "material"];
// Said elsewhere on a card, or of use to machines only. Names are compared without case, spaces, - and _.
const NOT_SHOWN = new Set(["name", "brand", "price", "saleprice", "regularprice", "salestarts", "saleends", "currency",
  "link", "availability", "description", "imagelink", "additionalimagelink", "gtin", "mpn", "sku", "barcode"]);
const STOCK = new Map([["out_of_stock", "Out of stock"], ["discontinued", "Out of stock"], ["unpublished", "Out of stock"],
  ["preorder", "Pre-order"], ["backorder", "Back-order"]]);

/** @param {Facts} product @returns {{now: string, before: string | null} | null} null where no price is known */
export function prices({ price, regularPrice, currency }) {
  if (price === null) return null;
  const reduced = regularPrice !== null && regularPrice > price;
  return { now: money(price, currency), before: reduced ? money(regularPrice, currency) : null };
}

/** @param {Facts} product @returns {string} "" where it can be had, or nothing is known */
export function stock({ attributes }) {
  return STOCK.get(String(attributes.availability)) ?? "";
}

/** @param {Facts} product @returns {[string, string][]} names and values */
export function facts({ attributes }) {
  const place = (/** @type {string} */ name) => {
    const at = TELLING.findIndex((word) => name.toLowerCase().includes(word));
    return at < 0 ? TELLING.length : at;
  };
  const seen = new Set();
  return Object.entries(attributes)
    .filter(([name]) => !NOT_SHOWN.has(name.toLowerCase().replaceAll(/[\s_-]/g, "")))
    .map(([name, value]) => /** @type {[string, string]} */ ([name, text(value).trim()]))
    .filter(([, value]) => value && value.length <= LONGEST && !/^https?:/i.test(value))
    .sort(([a], [b]) => place(a) - place(b))
    .filter(([, value]) => !seen.has(value) && seen.add(value))
    .slice(0, SHOWN);
}

/** @param {number} amount @param {string | null} currency */
function money(amount, currency) {
  try {
    if (currency) return new Intl.NumberFormat("en", { style: "currency", currency }).format(amount);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // not a code of ISO 4217
  }
  const digits = Number.isInteger(amount) ? 0 : 2;
  const plain = amount.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return currency ? `${plain} ${currency}` : plain;
}

/** @param {string | number | string[]} value numbers as they are, many being years and sizes; of a path of types the last */
function text(value) {
  return Array.isArray(value) ? value.join(", ") : String(value).split(" > ").at(-1) ?? "";
}
