// The HTTP API as the page sees it: answers are checked once, here, and every failure is a Problem with words.

/**
 * @typedef {object} Facts what is known of a product; null for what is not
 * @property {number | null} price
 * @property {number | null} regularPrice what it cost before a sale
 * @property {string | null} currency
 * @property {string | null} link a page of the shop
 * @property {string | null} brand
 * @property {Record<string, string | number | string[]>} attributes all of it
 *
 * @typedef {object} Shown
 * @property {string} id
 * @property {string} name
 * @property {number | null} distance smaller is closer; null for a product asked for by its id
 * @property {"strong" | "fair" | "weak" | null} match null where matches are not judged
 * @property {string | null} imageUrl
 *
 * @typedef {Shown & Facts} Result one product
 *
 * @typedef {object} Answer
 * @property {Result[]} results closest first
 * @property {number | null} products how many were compared
 * @property {number | null} tookMs
 * @property {{strong: number, fair: number} | null} scale the largest distances of a strong and of a fair match
 * @property {string | null} snapshot
 * @property {boolean} nothingClose whether every match is weak
 * @property {number | null} next the offset of the results after these
 *
 * @typedef {{products: Result[], total: number, next: number | null}} Listed
 *
 * @typedef {object} Facet
 * @property {string} attribute
 * @property {"number" | "text" | "list"} kind
 * @property {number} [min] of a number
 * @property {number} [max]
 * @property {{value: string, count: number}[]} [values] most frequent first
 * @property {number} [others] how many further values there are
 *
 * @typedef {import("./route.js").Options} Options
 */

import { has, language, t } from "./texts.js";

export const PAGE_SIZE = 10; // fills rows of two and of five
const MATCHES = ["strong", "fair", "weak"];
const TIMEOUT_MS = 30_000; // the gateway gives up at the same time

/** @type {Facts} */
export const NOTHING_KNOWN = { price: null, regularPrice: null, currency: null, link: null, brand: null, attributes: {} };

/** Something went wrong in a way that can be told: `message` is the headline, `detail` says what to do. */
export class Problem extends Error {
  /**
   * @param {string} message
   * @param {string} detail
   * @param {boolean} passing whether trying again may help
   * @param {string} slug the end of the problem's type as the API has it
   */
  constructor(message, detail, passing, slug = "") {
    super(message);
    this.detail = detail;
    this.passing = passing;
    this.slug = slug;
  }
}

/**
 * @param {Blob} photo
 * @param {Options} options
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function searchByPhoto(photo, options, signal) {
  const headers = { "Content-Type": photo.type || "application/octet-stream" };
  return answer(await call(`search?${asked(options)}`, signal, { method: "POST", body: photo, headers }));
}

/**
 * @param {string} id
 * @param {Options} options
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function similarTo(id, options, signal) {
  const query = asked({ ...options, crop: "" }); // which only a photo has
  return answer(await call(`products/${encodeURIComponent(id)}/similar?${query}`, signal));
}

/**
 * The catalogue's products in an order of their own, not by likeness.
 * @param {Options} options of which filters and offset count
 * @param {AbortSignal} signal
 * @returns {Promise<Listed>}
 */
export async function list(options, signal) {
  const found = await call(`products?${asked({ ...options, weights: "", crop: "" })}`, signal);
  if (!Array.isArray(found.products)) throw problem(502, null);
  return { products: found.products.map(result), total: number(found.total) ?? 0, next: number(found.next_offset) };
}

/**
 * How many products have each value under the other filters.
 * @param {string[]} filters
 * @param {AbortSignal} signal
 * @returns {Promise<{products: number, facets: Facet[]}>}
 */
export async function facets(filters, signal) {
  const query = new URLSearchParams(filters.map((filter) => ["filter", filter]));
  const found = await call(`facets${filters.length ? "?" : ""}${query}`, signal);
  return { products: number(found.products) ?? 0, facets: Array.isArray(found.facets) ? found.facets : [] };
}

/**
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Result>}
 */
export async function product(id, signal) {
  const found = await call(`products/${encodeURIComponent(id)}`, signal);
  const photos = Array.isArray(found.photos) ? found.photos : [];
  const photo = photos.find((/** @type {any} */ p) => p.status === "searchable") ?? photos[0];
  return result({ ...found, image_url: photo?.image_url });
}

/** @returns {Promise<number | null>} how many products there are; null when the service does not say */
export async function catalogueSize() {
  return number((await health()).products);
}

/** @returns {Promise<string[]>} the parts of the model by which products are compared; none when the service does not say */
export async function modelParts() {
  const { parts } = (await health()).model ?? {};
  return Array.isArray(parts) ? parts.map(({ name }) => String(name)) : [];
}

/** @type {Promise<any> | undefined} */
let answering;

/** @returns {Promise<any>} nothing when the service does not answer: a footnote is not worth an error message */
function health() {
  return (answering ??= call("health", new AbortController().signal).catch((error) => {
    if (error instanceof Problem) return {};
    throw error;
  }));
}

/** @param {Options} options @returns {URLSearchParams} as the API takes them */
function asked({ filters, weights, crop, offset }) {
  const query = new URLSearchParams({ k: String(PAGE_SIZE) });
  if (offset) query.set("offset", String(offset));
  for (const filter of filters) query.append("filter", filter);
  if (weights) query.set("weights", weights);
  if (crop) query.set("crop", crop);
  return query;
}

/**
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {RequestInit} [init]
 * @returns {Promise<any>} an object, checked no further; raises a Problem
 */
export async function call(path, signal, init) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const either = new AbortController();
  for (const s of [signal, timeout]) s.addEventListener("abort", () => either.abort(s.reason), { once: true });
  signal.throwIfAborted();
  try {
    const response = await fetch(`/api/${path}`, { ...init, signal: either.signal });
    const body = await response.json().catch((error) => {
      if (error instanceof SyntaxError) return null; // a proxy's page in HTML
      throw error;
    });
    if (!response.ok) throw problem(response.status, body);
    if (body === null || typeof body !== "object") throw problem(502, null);
    return body;
  } catch (error) {
    signal.throwIfAborted(); // nobody waits for this any more
    if (error instanceof Problem) throw error;
    if (timeout.aborted) {
      throw new Problem(t("problem.timeout"), t("problem.timeoutDetail"), true);
    }
    if (error instanceof TypeError) {
      throw new Problem(t("problem.offline"), t("problem.offlineDetail"), true);
    }
    throw error;
  }
}

/**
 * @param {number} status
 * @param {any} body RFC 9457 problem details, or null
 */
function problem(status, body) {
  // The gateway in front of the service refuses large bodies too, without problem details.
  const slug = status === 413 ? "body-too-large" : String(body?.type).split(":").at(-1);
  const passing = status >= 500 || status === 429 || slug === "product-pending";
  const headline = has(`problem.${slug}`) ? t(`problem.${slug}`) : body?.title ?? t("problem.other");
  const detail = (language() === "en" && body?.detail) || t(passing ? "problem.soon" : "problem.another");
  return new Problem(String(headline), String(detail), passing, slug);
}

/**
 * @param {any} body
 * @returns {Answer}
 */
function answer(body) {
  if (!Array.isArray(body.results)) throw problem(502, null);
  const { products_matching: products, timings_ms: timings, match_scale: scale, snapshot, next_offset: next } = body.search ?? {};
  const [strong, fair] = [number(scale?.strong), number(scale?.fair)];
  return {
    results: body.results.map(result),
    products: number(products),
    tookMs: number(timings?.total),
    scale: strong === null || fair === null ? null : { strong, fair },
    snapshot: text(snapshot),
    nothingClose: body.verdict === "no_good_match",
    next: number(next),
  };
}

/**
 * @param {any} item
 * @returns {Result}
 */
export function result(item) {
  const id = String(item.product_id);
  return {
    id,
    name: text(item.name) ?? t("card.unnamed", { id }),
    distance: number(item.distance),
    match: MATCHES.includes(item.match) ? item.match : null,
    imageUrl: webUrl(item.image_url, document.baseURI),
    price: number(item.price),
    regularPrice: number(item.attributes?.regular_price),
    currency: text(item.currency),
    link: webUrl(item.link),
    brand: text(item.brand),
    attributes: item.attributes ?? {},
  };
}

/** @param {unknown} value @returns {number | null} */
export function number(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** @param {unknown} value @returns {string | null} null for a blank one, too */
export function text(value) {
  return typeof value === "string" && value.trim() ? value.trim() : null;
}

/**
 * @param {unknown} url
 * @param {string} [base] what a relative address is relative to; without it there is none
 * @returns {string | null} null for anything but a web address: no javascript:, no data:
 */
function webUrl(url, base) {
  try {
    const { protocol, href } = new URL(String(url), base);
    return url && (protocol === "https:" || protocol === "http:") ? href : null;
  } catch {
    return null;
  }
}
