// What the address after "#" means. Hash routes need nothing from the server, so a product's link can be shared
// and opened from any static host.

/** @typedef {{kind: "home"} | {kind: "photo", key: string} | {kind: "product", id: string}} Route */

/**
 * @param {string} hash as in `location.hash`
 * @returns {Route} home for anything unknown
 */
export function parse(hash) {
  const [, kind, rest] = /^#\/(photo|product)\/(.+)$/.exec(hash) ?? [];
  if (kind === "photo") return { kind, key: rest };
  if (kind === "product") return { kind, id: decoded(rest) };
  return { kind: "home" };
}

/**
 * @param {Route} route
 * @returns {string}
 */
export function format(route) {
  if (route.kind === "photo") return `#/photo/${route.key}`;
  if (route.kind === "product") return `#/product/${encodeURIComponent(route.id)}`;
  return "#/";
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a hand-written "%": take the address as it stands
  }
}
