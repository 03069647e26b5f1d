// Which photo is shown where at which zoom.
//
// The map is a grid. On the finest level every product has a cell to itself, near its place; a cell of the level above is four of
// those, and shows the first of their products. Products come in a random order that stays, so the first is as good as any,
// and a photo that is shown stays shown while one zooms in.

/**
 * @typedef {object} Levels
 * @property {number} finest the level of the smallest cells
 * @property {Uint16Array} column of each product's cell on the finest level
 * @property {Uint16Array} row
 * @property {Int32Array[]} first by level, row by row: the product that a cell shows, or NONE
 * @property {Int32Array[]} count by level, row by row: how many products a cell has
 * @property {{left: number, top: number, right: number, bottom: number}} bounds of the products, in cells of the finest level
 */

export const NONE = -1;
export const SHAPE = 1.25; // the height of a cell by its width: that of the frames of the page
const SIDE = 65_536; // of the map's places
const ROOM = 4; // at least so many cells a product on the finest level, so that groups stand apart
const REACH = 48; // cells, within which a product finds one to itself
const AT_ONCE = 20_000; // products between two pauses

/** @param {number} level */
export function columnsOf(level) {
  return 2 ** level;
}

/** @param {number} level */
export function rowsOf(level) {
  return Math.ceil(2 ** level / SHAPE);
}

/**
 * @param {ArrayLike<number>} x from 0 to 65535
 * @param {ArrayLike<number>} y
 * @param {() => Promise<void>} pause lets the page go on with other work
 * @returns {Promise<Levels>}
 */
export async function levelsOf(x, y, pause) {
  let finest = 1;
  while (columnsOf(finest) * rowsOf(finest) < ROOM * x.length) finest += 1;
  const [columns, rows] = [columnsOf(finest), rowsOf(finest)];
  const [column, row] = [new Uint16Array(x.length), new Uint16Array(x.length)];
  const cells = new Int32Array(columns * rows).fill(NONE);
  const counts = new Int32Array(columns * rows);
  const around = spiral(REACH);
  /** @type {Map<number, number>} how far the spiral around a cell is taken already */
  const taken = new Map();
  const bounds = { left: columns, top: rows, right: 0, bottom: 0 };
  for (let product = 0; product < x.length; product++) {
    if (product % AT_ONCE === AT_ONCE - 1) await pause();
    const wanted = cellOf(x[product], columns);
    const down = Math.min(rows - 1, Math.floor((y[product] * columns) / SIDE / SHAPE));
    const start = down * columns + wanted;
    let turn = cells[start] === NONE ? 0 : taken.get(start) ?? 1;
    let [across, along] = [wanted, down];
    for (; turn < around.length; turn += 2) {
      across = wanted + around[turn];
      along = down + around[turn + 1];
      if (across >= 0 && along >= 0 && across < columns && along < rows && cells[along * columns + across] === NONE) break;
    }
    if (turn) taken.set(start, turn);
    if (turn >= around.length) [across, along] = [wanted, down]; // so many lie here that it shares a cell
    else cells[along * columns + across] = product;
    counts[along * columns + across] += 1;
    column[product] = across;
    row[product] = along;
    bounds.left = Math.min(bounds.left, across);
    bounds.right = Math.max(bounds.right, across + 1);
    bounds.top = Math.min(bounds.top, along);
    bounds.bottom = Math.max(bounds.bottom, along + 1);
  }
  const [first, count] = [[cells], [counts]];
  for (let level = finest - 1; level >= 0; level--) {
    first.unshift(halved(first[0], level, (one, other) => (other === NONE || (one !== NONE && one < other) ? one : other), NONE));
    count.unshift(halved(count[0], level, (one, other) => one + other, 0));
  }
  return { finest, column, row, first, count, bounds };
}

/** @param {number} place @param {number} columns */
function cellOf(place, columns) {
  return Math.floor((place * columns) / SIDE);
}

/** @param {number} reach @returns {Int16Array} steps across and down to the cells around one, the nearest first */
function spiral(reach) {
  /** @type {[number, number][]} */
  const steps = [];
  for (let down = -reach; down <= reach; down++) for (let across = -reach; across <= reach; across++) steps.push([across, down]);
  const away = (/** @type {[number, number]} */ [across, down]) => across ** 2 + (SHAPE * down) ** 2;
  return Int16Array.from(steps.filter((step) => away(step) <= reach ** 2).sort((one, other) => away(one) - away(other)).flat());
}

/**
 * @param {Int32Array} cells of the level below
 * @param {number} level
 * @param {(one: number, other: number) => number} both
 * @param {number} empty
 */
function halved(cells, level, both, empty) {
  const [columns, rows] = [columnsOf(level), rowsOf(level)];
  const half = new Int32Array(columns * rows).fill(empty);
  for (let i = 0; i < cells.length; i++) {
    const cell = (Math.floor(i / columns / 2) >> 1) * columns + ((i % (columns * 2)) >> 1);
    half[cell] = both(half[cell], cells[i]);
  }
  return half;
}
