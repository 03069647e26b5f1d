// Where one looks, and how closely: arithmetic without a page.

/**
 * @typedef {object} View
 * @property {number} x the middle, in columns of the finest level
 * @property {number} y the middle, in its rows
 * @property {number} size the width of a column in pixels of the page
 *
 * @typedef {{width: number, height: number}} Size of the map on the page
 * @typedef {import("./levels.js").Levels} Levels
 * @typedef {{x: number, y: number, width: number, height: number}} Box in pixels of the page
 */

import { NONE, SHAPE, columnsOf, rowsOf } from "./levels.js";

const LEAST_PX = 22; // the width of a cell where all of the map is seen: where it would be smaller, the level above is shown
const NEAR_PX = 52; // the same from nearby, where there are fewer to be seen
const LARGEST_PX = 220; // of a cell on the finest level
const MARGIN_PX = 16; // around the whole map
const SLACK = 1.08; // beyond which the level changes, so that it does not flicker between two

/** All of the map, with all of its cells on the level that is shown then. @param {Levels} levels @param {Size} size @returns {View} */
export function whole(levels, size) {
  const { left, right, top, bottom, size: px } = extent(levels, size);
  return { x: (left + right) / 2, y: (top + bottom) / 2, size: px };
}

/** The ends of those cells, in cells of the finest level, and the width of a column. @param {Levels} levels @param {Size} size */
function extent({ bounds, finest }, { width, height }) {
  const room = (/** @type {number} */ px) => Math.max(1, px - 2 * MARGIN_PX);
  for (let level = finest; ; level--) {
    const step = 2 ** (finest - level);
    const [left, top] = [bounds.left, bounds.top].map((end) => Math.floor(end / step) * step);
    const [right, bottom] = [bounds.right, bounds.bottom].map((end) => Math.ceil(end / step) * step);
    const size = Math.min(room(width) / (right - left), room(height) / (bottom - top) / SHAPE, largest({ width, height }));
    if (size * step >= LEAST_PX || !level) return { left, right, top, bottom, size };
  }
}

/** @param {Size} size */
function largest({ width, height }) {
  return Math.min(LARGEST_PX, width / 1.5, height / SHAPE / 1.1);
}

/** The view, or the nearest one that shows something. @param {View} view @param {Levels} levels @param {Size} size @returns {View} */
export function bounded(view, levels, size) {
  const all = extent(levels, size);
  const px = clamp(view.size, all.size, largest(size));
  const [across, down] = [size.width / px / 2, size.height / px / SHAPE / 2];
  // Beyond an end the margin is seen, and from nearby up to a quarter of the window; what is smaller than the window stays in its middle.
  const quarter = 0.25 * Math.min(across, down) * (1 - all.size / px);
  const [aside, above] = [MARGIN_PX / px + quarter, MARGIN_PX / px / SHAPE + quarter];
  return {
    x: between(view.x, all.left + across - aside, all.right - across + aside),
    y: between(view.y, all.top + down - above, all.bottom - down + above),
    size: px,
  };
}

/** @param {number} value @param {number} low @param {number} high in the middle where there is no room between them @returns {number} */
function between(value, low, high) {
  return low > high ? (low + high) / 2 : clamp(value, low, high);
}

/** Whether two views are the same to the eye. @param {View} one @param {View} other */
export function isSame(one, other) {
  const apart = Math.hypot(one.x - other.x, one.y - other.y) * one.size;
  return apart < 0.01 && Math.abs(one.size / other.size - 1) < 1e-6;
}

/** @param {View} view @param {number} right in pixels @param {number} down @returns {View} */
export function moved(view, right, down) {
  return { ...view, x: view.x - right / view.size, y: view.y - down / view.size / SHAPE };
}

/**
 * Closer by a factor; what is at a point stays there.
 * @param {View} view @param {number} factor @param {number} right from the middle, in pixels @param {number} down @returns {View}
 */
export function zoomed(view, factor, right, down) {
  const at = moved(view, -right, -down);
  return moved({ ...at, size: view.size * factor }, right, down);
}

/** @param {View} from @param {View} to @param {number} part from 0 to 1 @returns {View} on the way, at an even pace to the eye */
export function midway(from, to, part) {
  const size = from.size * (to.size / from.size) ** part;
  // The point that stays where it is on the page stays there all the way.
  const share = Math.abs(to.size - from.size) < 1e-9 ? part : (1 / from.size - 1 / size) / (1 / from.size - 1 / to.size);
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share, size };
}

/**
 * @param {number} size of a column @param {number} least its size where all of the map is seen
 * @param {number} finest @param {number} [before] the level so far
 */
export function levelOf(size, least, finest, before) {
  const wanted = clamp(LEAST_PX * Math.max(1, size / least) ** 0.3, LEAST_PX, NEAR_PX) * 0.999;
  const width = (/** @type {number} */ level) => size * 2 ** (finest - level);
  if (before !== undefined && width(before) >= wanted / SLACK && (before === finest || width(before) < 2 * wanted * SLACK)) return before;
  return clamp(finest - Math.ceil(Math.log2(wanted / size)), 0, finest);
}

/** @param {View} view @param {Size} size @param {number} column of the finest level, as a fraction @param {number} row */
export function onPage(view, { width, height }, column, row) {
  return { x: width / 2 + (column - view.x) * view.size, y: height / 2 + (row - view.y) * view.size * SHAPE };
}

/** The cells in sight. @param {View} view @param {Size} size @param {Levels} levels @param {number} level */
export function inSight(view, { width, height }, levels, level) {
  const scale = 2 ** (levels.finest - level);
  const [across, down] = [width / view.size / 2, height / view.size / SHAPE / 2];
  return {
    left: Math.max(0, Math.floor((view.x - across) / scale)),
    right: Math.min(columnsOf(level), Math.ceil((view.x + across) / scale)),
    top: Math.max(0, Math.floor((view.y - down) / scale)),
    bottom: Math.min(rowsOf(level), Math.ceil((view.y + down) / scale)),
  };
}

/** Where a cell is. @param {View} view @param {Size} size @param {number} scale columns of the finest level in one of its own @param {number} column @param {number} row @returns {Box} */
export function boxOf(view, size, scale, column, row) {
  const { x, y } = onPage(view, size, column * scale, row * scale);
  return { x, y, width: scale * view.size, height: scale * view.size * SHAPE };
}

/** @param {View} view @param {Size} size @param {Levels} levels @param {number} level @param {number} right @param {number} down @returns {number} the product at a point of the page, or NONE */
export function productAt(view, { width, height }, levels, level, right, down) {
  const scale = 2 ** (levels.finest - level);
  const column = Math.floor((view.x + (right - width / 2) / view.size) / scale);
  const row = Math.floor((view.y + (down - height / 2) / view.size / SHAPE) / scale);
  if (column < 0 || row < 0 || column >= columnsOf(level) || row >= rowsOf(level)) return NONE;
  return levels.first[level][row * columnsOf(level) + column];
}

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
