// How an answer was made, for the curious.

import { closeness } from "./card.js";
import { number, t } from "./texts.js";

/**
 * @param {import("./api.js").Answer} answer
 * @returns {[string, string][]} names and values; only of what is known
 */
export function facts({ products, tookMs, scale, snapshot }) {
  /** @type {[string, string | null][]} */
  const all = [
    ["details.compared", products === null ? null : number(products)],
    ["details.time", tookMs === null ? null : t("details.ms", { count: Math.max(1, Math.round(tookMs)) })],
    ["details.scale", scale && t("details.scaleValue", { strong: distance(scale.strong), fair: distance(scale.fair) })],
    ["details.snapshot", snapshot],
  ];
  return all.flatMap(([name, value]) => (value === null ? [] : [[t(name), value]]));
}

/** @param {import("./api.js").Result} result @returns {string} */
export function line(result) {
  const said = [result.name, result.distance === null ? "" : distance(result.distance), closeness(result)];
  return said.filter(Boolean).join(" · ");
}

/** @param {number} value */
function distance(value) {
  return number(value, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
}
