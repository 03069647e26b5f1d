// From one photo to the next in a direction, for keys.

import { NONE, columnsOf, rowsOf } from "./levels.js";

/** @typedef {import("./levels.js").Levels} Levels */

const REACH = 64; // cells
const ASIDE = 2; // what a cell aside counts for, beside one ahead

/** @param {Levels} levels @param {number} level @param {{x: number, y: number}} view @returns {number} the product that is nearest to the middle */
export function nearest(levels, level, view) {
  const step = 2 ** (levels.finest - level);
  const cell = { column: Math.floor(view.x / step), row: Math.floor(view.y / step) };
  let [best, least] = [NONE, Infinity];
  for (const { product, across, down } of around(levels, level, cell)) {
    const away = across ** 2 + down ** 2;
    if (away < least) [best, least] = [product, away];
  }
  return best;
}

/**
 * @param {Levels} levels @param {number} level @param {{column: number, row: number}} cell
 * @param {number} right -1, 0 or 1 @param {number} below the same, down
 * @returns {number} the product of the nearest cell in that direction, or NONE
 */
export function next(levels, level, cell, right, below) {
  let [best, least] = [NONE, Infinity];
  for (const { product, across, down } of around(levels, level, cell)) {
    const ahead = across * right + down * below;
    const aside = Math.abs(across * below) + Math.abs(down * right);
    const away = ahead + ASIDE * aside;
    if (ahead > 0 && ahead >= aside && away < least) [best, least] = [product, away];
  }
  return best;
}

/** @param {Levels} levels @param {number} level @param {{column: number, row: number}} cell */
function* around(levels, level, { column, row }) {
  const [columns, rows] = [columnsOf(level), rowsOf(level)];
  for (let y = Math.max(0, row - REACH); y <= Math.min(rows - 1, row + REACH); y++) {
    for (let x = Math.max(0, column - REACH); x <= Math.min(columns - 1, column + REACH); x++) {
      const product = levels.first[level][y * columns + x];
      if (product !== NONE) yield { product, across: x - column, down: y - row };
    }
  }
}
