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
 * @property {string | null} match strong, fair or weak; null where matches are not judged
 * @property {string | null} imageUrl
 *
 * @typedef {Shown & Facts} Result one product
 *
 * @typedef {object} Answer
 * @property {Result[]} results closest first
 * @property {number | null} products how many the photo was compared with
 * @property {number | null} tookMs
 * @property {number} farthest the largest distance there can be
 * @property {boolean} nothingClose whether every match is weak
 */

const RESULTS_WANTED = 5;
const MATCHES = ["strong", "fair", "weak"];
const FARTHEST = 2; // between two points of the unit sphere, which every part of an embedding is on
const TIMEOUT_MS = 30_000; // the gateway gives up at the same time

/** @type {Facts} */
export const NOTHING_KNOWN = { price: null, regularPrice: null, currency: null, link: null, brand: null, attributes: {} };

/** Headlines by the last word of a problem's `type`; the service's own `detail` says what to do next. */
const HEADLINES = new Map(Object.entries({
  "body-too-large": "That photo is too large",
  "not-an-image": "That is not a photo we can read",
  "undecodable-image": "That photo looks damaged",
  "too-many-pixels": "That photo has too many pixels",
  "too-much-work": "That photo takes too long to read",
  "decoder-unavailable": "That photo cannot be read just now",
  "catalogue-empty": "There is nothing to compare with yet",
  "store-unavailable": "The catalogue is out of reach",
  "not-found": "That product is not here",
  "product-pending": "That product is not ready yet",
}));

/** Something went wrong in a way that can be told: `message` is the headline, `detail` says what to do. */
export class Problem extends Error {
  /**
   * @param {string} message
   * @param {string} detail
   * @param {boolean} passing whether trying again may help
   */
  constructor(message, detail, passing) {
    super(message);
    this.detail = detail;
    this.passing = passing;
  }
}

/**
 * @param {Blob} photo
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function searchByPhoto(photo, signal) {
  const headers = { "Content-Type": photo.type || "application/octet-stream" };
  return answer(await call(`search?k=${RESULTS_WANTED}`, signal, { method: "POST", body: photo, headers }));
}

/**
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function similarTo(id, signal) {
  return answer(await call(`products/${encodeURIComponent(id)}/similar?k=${RESULTS_WANTED}`, signal));
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

/** @returns {Promise<{products: number, model: string} | null>} null when the service does not say */
export async function catalogue() {
  try {
    const { products, model } = await call("health", new AbortController().signal);
    return Number.isInteger(products) && model?.name ? { products, model: String(model.name) } : null;
  } catch (error) {
    if (error instanceof Problem) return null; // a footnote is not worth an error message
    throw error;
  }
}

/**
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
async function call(path, signal, init) {
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
      throw new Problem("That took too long", "The service did not answer in time. Try again.", true);
    }
    if (error instanceof TypeError) {
      throw new Problem("The service is out of reach", "Check your connection, then try again.", true);
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
  const headline = HEADLINES.get(slug ?? "") ?? body?.title ?? "Something went wrong";
  const detail = body?.detail ?? (passing ? "Try again in a moment." : "Try another photo.");
  return new Problem(String(headline), String(detail), passing);
}

/**
 * @param {any} body
 * @returns {Answer}
 */
function answer(body) {
  if (!Array.isArray(body.results)) throw problem(502, null);
  const { products_matching: products, timings_ms: timings, weights } = body.search ?? {};
  const weight = Math.hypot(...Object.values(weights ?? {}));
  return {
    results: body.results.map(result),
    products: Number.isInteger(products) ? products : null,
    tookMs: Number.isFinite(timings?.total) ? timings.total : null,
    farthest: FARTHEST * (weight > 0 ? weight : 1),
    nothingClose: body.verdict === "no_good_match",
  };
}

/**
 * @param {any} item
 * @returns {Result}
 */
function result(item) {
  const id = String(item.product_id);
  return {
    id,
    name: text(item.name) ?? `Product ${id}`,
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
function number(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** @param {unknown} value @returns {string | null} null for a blank one, too */
function text(value) {
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
