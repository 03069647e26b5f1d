// What the address after "#" means. Hash routes need nothing from the server, so a search's address can be shared and
// opened from any static host.

/**
 * @typedef {{kind: "home"} | {kind: "browse"} | {kind: "photo", key: string} | {kind: "product", id: string}} Place
 *
 * @typedef {object} Options how a search is narrowed; the words of the API
 * @property {string[]} filters each as attribute:value
 * @property {string} weights factors as part:factor,part:factor; "" for the usual ones
 * @property {string} crop x,y,w,h in fractions of the photo; "" for all of it
 * @property {number} offset how many results to skip; not in the address
 *
 * @typedef {Place & {options: Options}} Route
 */

/** @type {Readonly<Options>} */
export const NO_OPTIONS = Object.freeze({ filters: [], weights: "", crop: "", offset: 0 });

/**
 * @param {string} hash as in `location.hash`
 * @returns {Route} home for anything unknown
 */
export function parse(hash) {
  const [path, query = ""] = hash.split(/\?(.*)/s);
  const search = new URLSearchParams(query);
  const [weights = "", crop = ""] = ["weights", "crop"].map((name) => search.get(name) ?? "");
  const options = { filters: search.getAll("filter"), weights, crop, offset: 0 };
  const [, kind, rest] = /^#\/(photo|product)\/(.+)$/s.exec(path) ?? [];
  if (kind === "photo") return { kind, key: rest, options };
  if (kind === "product") return { kind, id: decoded(rest), options };
  return { kind: path === "#/browse" ? "browse" : "home", options };
}

/**
 * @param {Place} place
 * @param {Partial<Options>} [options]
 * @returns {string} the address, beginning with "#"
 */
export function format(place, { filters = [], weights = "", crop = "" } = {}) {
  const search = new URLSearchParams(filters.map((filter) => ["filter", filter]));
  if (weights) search.set("weights", weights);
  if (crop) search.set("crop", crop);
  // Colons and commas are common here and need no quoting: an address is shared with people.
  const query = String(search).replaceAll("%3A", ":").replaceAll("%2C", ",");
  return `${path(place)}${query && "?"}${query}`;
}

/** @param {Place} place */
function path(place) {
  if (place.kind === "photo") return `#/photo/${place.key}`;
  if (place.kind === "product") return `#/product/${encodeURIComponent(place.id)}`;
  return place.kind === "browse" ? "#/browse" : "#/";
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a hand-written "%": take the address as it stands
  }
}
