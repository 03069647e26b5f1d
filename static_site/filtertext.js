// Filters as the API writes them: attribute:value,value or attribute:10..50, with double quotes where a mark could be misread.

/**
 * @typedef {{least: number | null, most: number | null}} Range null for an open end
 * @typedef {{attribute: string, values: (string | Range)[]}} Filter
 */

import { number, price, t } from "./texts.js";

const NAME = /^\s*("(?:[^"]|"")*"|[^":]*)\s*:/;
const VALUE = /\s*("(?:[^"]|"")*"|[^",]*)\s*(,|$)/y;

/** What shops call attributes that mean the same. */
const SPELLINGS = new Map(Object.entries({
  color: "colour", basecolour: "colour", basecolor: "colour", type: "producttype", sizes: "size", materials: "material",
  categories: "category", brandname: "brand",
}));

/** Words of availability, which the catalogue has in a form of its own. */
const STOCK = new Map(Object.entries({
  in_stock: "stock.in", out_of_stock: "stock.out", preorder: "stock.preorder", backorder: "stock.backorder",
}));

/** @param {string} text @returns {Filter | null} null where it is no filter */
export function parse(text) {
  const name = NAME.exec(text);
  const attribute = name ? bare(name[1]) : "";
  if (!name || !attribute) return null;
  const values = [];
  VALUE.lastIndex = name[0].length;
  for (;;) {
    const [, value = "", comma] = VALUE.exec(text) ?? [];
    if (!bare(value)) return null;
    const ends = value.includes("..") && !value.startsWith('"') ? value.split("..").map((end) => end.trim()) : null;
    const [least, most] = (ends ?? []).map((end) => (end === "" ? null : Number(end)));
    if (Number.isNaN(least) || Number.isNaN(most)) return null;
    values.push(ends ? { least, most } : bare(value));
    if (!comma) return { attribute, values };
  }
}

/** @param {Filter} filter @returns {string} */
export function write({ attribute, values }) {
  const written = values.map((value) => (
    typeof value === "string" ? quoted(value, /[",]|\.\./) : `${value.least ?? ""}..${value.most ?? ""}`
  ));
  return `${quoted(attribute, /[":]/)}:${written.join(",")}`;
}

/** @param {string} attribute @returns {string} equal for all spellings of an attribute, as the service compares them */
export function comparable(attribute) {
  return attribute.normalize("NFD").toLowerCase().replace(/[\s_-]+/g, "");
}

/** @param {string} attribute @returns {string} equal for attributes that mean the same, such as color and baseColour */
export function meaning(attribute) {
  const plain = comparable(attribute);
  return SPELLINGS.get(plain) ?? plain;
}

/** @param {string} attribute @returns {string} in words: "Article type" of articleType */
export function label(attribute) {
  const key = `filter.of.${meaning(attribute)}`;
  const known = t(key);
  if (known !== key) return known;
  const words = attribute.replace(/(\p{Ll}|\d)(\p{Lu})/gu, "$1 $2").split(/[\s_-]+/).filter(Boolean);
  const said = words.map((word) => (word === word.toUpperCase() ? word : word.toLowerCase())).join(" ");
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/**
 * @param {string | Range} value
 * @param {string} attribute
 * @param {string | null} currency of prices
 * @returns {string} for people
 */
export function words(value, attribute, currency) {
  if (typeof value === "string") return t(STOCK.get(value) ?? value);
  const [from, to] = [value.least, value.most].map((end) => (end === null ? null : amount(end, attribute, currency)));
  if (from !== null && to !== null) return from === to ? from : t("filter.range", { from, to });
  return from === null ? t("filter.upTo", { to: to ?? "" }) : t("filter.from", { from });
}

/** @param {number} value @param {string} attribute @param {string | null} currency */
export function amount(value, attribute, currency) {
  return meaning(attribute) === "price" ? price(value, currency) : number(value, { useGrouping: false });
}

/** @param {string} text */
function bare(text) {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.trim();
}

/** @param {string} text @param {RegExp} marks */
function quoted(text, marks) {
  return marks.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}
