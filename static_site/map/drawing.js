// The picture of the map: land where products are, a photo in each cell, and a dot for each product that has none.

/**
 * @typedef {import("./levels.js").Levels} Levels
 * @typedef {import("./view.js").View} View
 * @typedef {import("./view.js").Size} Size
 * @typedef {import("./view.js").Box} Box
 *
 * @typedef {object} Scene
 * @property {Levels} levels
 * @property {View} view
 * @property {Size} size
 * @property {number} detail the level that is shown; in between, its photos are on their way to their cells
 * @property {number} chosen the product that is pointed at, or NONE
 * @property {(product: number) => ImageBitmap | null | undefined} picture
 * @property {Palette} palette
 *
 * @typedef {{land: string, dot: string, bone: string, shadow: string}} Palette
 */

import { NONE, SHAPE, columnsOf, rowsOf } from "./levels.js";
import { boxOf, inSight, onPage } from "./view.js";

const ROUND = 0.13; // of a photo's width
const GAP = 0.05; // of a cell's width, on each side
const LARGER = 1.28; // the photo that is pointed at
const DOTS_FROM_PX = 2.2; // the width of a column of the finest level

/** @param {Levels} levels @param {string} colour @returns {OffscreenCanvas} a pixel for each cell of the finest level */
export function landOf({ finest, count }, colour) {
  const [columns, rows] = [columnsOf(finest), rowsOf(finest)];
  const canvas = new OffscreenCanvas(columns, rows);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = pen.createImageData(columns, rows);
  for (const [cell, products] of count[finest].entries()) if (products) pixels.data[4 * cell + 3] = 255;
  pen.putImageData(pixels, 0, 0);
  pen.globalCompositeOperation = "source-in";
  pen.fillStyle = colour;
  pen.fillRect(0, 0, columns, rows);
  return canvas;
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {OffscreenCanvas} land */
export function paint(pen, scene, land) {
  const { levels, view, size, detail } = scene;
  pen.clearRect(0, 0, size.width, size.height);
  const corner = onPage(view, size, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(land, corner.x, corner.y, land.width * view.size, land.height * view.size * SHAPE);
  const fine = Math.ceil(detail);
  if (fine < levels.finest && view.size >= DOTS_FROM_PX) dots(pen, scene);
  const [rest, stays] = tiles(scene, fine);
  for (const tile of rest) draw(pen, scene, tile);
  for (const tile of stays) draw(pen, scene, tile);
  const chosen = [...stays, ...rest].find(({ product }) => product === scene.chosen);
  if (chosen) raised(pen, scene, chosen);
}

/** @typedef {Box & {product: number, alpha: number}} Tile */

/** @param {Scene} scene @param {number} fine @returns {[Tile[], Tile[]]} those that come or go, and those that stay on the level above */
function tiles({ levels, view, size, detail }, fine) {
  const part = 1 - (fine - detail);
  const scale = 2 ** (levels.finest - fine);
  const columns = columnsOf(fine);
  const { left, right, top, bottom } = inSight(view, size, levels, fine);
  // On its way from the cell above, a photo may be seen whose own cell is not in sight yet.
  const more = part < 1 ? 1 : 0;
  /** @type {[Tile[], Tile[]]} */
  const [rest, stays] = [[], []];
  for (let row = Math.max(0, top - more); row < Math.min(rowsOf(fine), bottom + more); row++) {
    for (let column = Math.max(0, left - more); column < Math.min(columns, right + more); column++) {
      const product = levels.first[fine][row * columns + column];
      if (product === NONE) continue;
      const box = inset(boxOf(view, size, scale, column, row), GAP);
      if (part >= 1) {
        stays.push({ ...box, product, alpha: 1 });
        continue;
      }
      const above = levels.first[fine - 1][(row >> 1) * (columns >> 1) + (column >> 1)];
      if (above === product) {
        const from = inset(boxOf(view, size, scale * 2, column >> 1, row >> 1), GAP);
        stays.push({ ...between(from, box, part), product, alpha: 1 });
      } else rest.push({ ...inset(box, (1 - part) / 4), product, alpha: part });
    }
  }
  return [rest, stays];
}

/** @param {Box} box @param {number} share of the width, on each side @returns {Box} */
function inset({ x, y, width, height }, share) {
  return { x: x + share * width, y: y + share * height, width: width * (1 - 2 * share), height: height * (1 - 2 * share) };
}

/** @param {Box} from @param {Box} to @param {number} part @returns {Box} */
function between(from, to, part) {
  const way = (/** @type {keyof Box} */ name) => from[name] + (to[name] - from[name]) * part;
  return { x: way("x"), y: way("y"), width: way("width"), height: way("height") };
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Tile} tile */
function draw(pen, { picture, palette }, { product, x, y, width, height, alpha }) {
  const image = picture(product);
  pen.globalAlpha = alpha;
  if (image) {
    pen.drawImage(image, x, y, width, height);
  } else {
    pen.fillStyle = palette.bone;
    pen.beginPath();
    pen.roundRect(x, y, width, height, ROUND * width);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

/** The photo that is pointed at, larger and above the others. @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Tile} tile */
function raised(pen, scene, tile) {
  const box = inset(tile, (1 - LARGER) / 2);
  pen.save();
  pen.shadowColor = scene.palette.shadow;
  pen.shadowBlur = 18;
  pen.shadowOffsetY = 4;
  draw(pen, scene, { ...tile, ...box, alpha: 1 });
  pen.restore();
}

/** Products without a photo on the level that is shown. @param {CanvasRenderingContext2D} pen @param {Scene} scene */
function dots(pen, { levels, view, size, detail, palette }) {
  const { finest, first } = levels;
  const { left, right, top, bottom } = inSight(view, size, levels, finest);
  const columns = columnsOf(finest);
  const up = finest - Math.round(detail);
  const shown = first[Math.round(detail)];
  const side = Math.max(1, Math.min(4, view.size * 0.3));
  pen.fillStyle = palette.dot;
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const product = first[finest][row * columns + column];
      if (product === NONE || product === shown[(row >> up) * (columns >> up) + (column >> up)]) continue;
      const { x, y } = onPage(view, size, column + 0.5, row + 0.5);
      pen.fillRect(x - side / 2, y - side / 2, side, side);
    }
  }
}
