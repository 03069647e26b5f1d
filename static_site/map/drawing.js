// The picture of the map: a dot for each product, which together are its land, and a photo in each cell.

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
 * @typedef {{sea: string, land: string, bone: string, ground: string, shadow: string}} Palette
 */

import { NONE, SHAPE, columnsOf, rowsOf } from "./levels.js";
import { boxOf, inSight, onPage } from "./view.js";

const ROUND = 0.13; // of a photo's width
const GAP = 0.05; // of a cell's width, on each side
const LARGER = 1.28; // the photo that is pointed at

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
  const { view, size, detail, palette } = scene;
  pen.fillStyle = palette.sea;
  pen.fillRect(0, 0, size.width, size.height);
  const corner = onPage(view, size, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(land, corner.x, corner.y, land.width * view.size, land.height * view.size * SHAPE);
  const [rest, stays] = tiles(scene, Math.ceil(detail));
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
