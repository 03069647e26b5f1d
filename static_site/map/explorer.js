// The map once it is here: what is drawn follows from where one looks, which level is shown, and which photo is pointed at. A frame
// is drawn where one of them or a photo has changed, and none else.

/**
 * @typedef {import("./answer.js").Answer} Answer
 * @typedef {import("./levels.js").Levels} Levels
 */

import { camera } from "./camera.js";
import { landOf, paint } from "./drawing.js";
import { listen } from "./gestures.js";
import { NONE, columnsOf } from "./levels.js";
import { build, paletteOf } from "./markup.js";
import { nearest, next } from "./neighbours.js";
import { pictures } from "./pictures.js";
import { pointing } from "./pointing.js";
import { boxOf, clamp, inSight, moved, productAt, zoomed } from "./view.js";

const PICTURES_MS = 120; // while the map moves, photos are asked for so often
const PICTURE_PX = 64; // the width of a photo as it is kept, or a power of two times as much
const SHARPEST = 2; // pixels of the screen in one of the page: more are not seen
const HINT_MS = 1600;
const ROOM = 1.5; // cells between the photo that keys chose and the edge

/** @param {HTMLElement} element @param {Answer} answer @param {Levels} levels @param {import("../map.js").Options} options @param {AbortSignal} signal ends it */
export function explore(element, answer, levels, options, signal) {
  const parts = build(element, answer, options.t);
  const { stage, canvas, link, hint } = parts;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  const eye = camera(levels, ask);
  const { size } = eye;
  const addressOf = options.address ?? ((id) => `./#/product/${encodeURIComponent(id)}`);
  const pointer = pointing(parts, { ids: answer.ids, addressOf, nameOf: options.nameOf, t: options.t }, ask);
  const photos = pictures((product) => options.imageAddress(answer.images[product]), () => palette.ground, ask);
  let palette = paletteOf(element);
  let land = landOf(levels, palette.land);
  let frame = 0;
  let wishedMs = 0;
  let scale = 1; // pixels of the screen in one of the page
  let hiding = 0;

  function ask() {
    frame ||= requestAnimationFrame(draw);
  }

  /** @param {number} now */
  function draw(now) {
    frame = 0;
    if (signal.aborted || !size.width) return;
    const moves = eye.advance(now);
    const { view, level, detail } = eye.now();
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    paint(pen, { levels, view, size, detail, chosen: pointer.raised(), picture: photos.get, palette }, land);
    if (!moves || now - wishedMs > PICTURES_MS) {
      wishedMs = now;
      photos.want(wishes());
    }
    if (pointer.product() !== NONE) {
      const { step, column, row } = cellOf(pointer.product(), level);
      pointer.place(boxOf(view, size, step, column, row), size);
    }
    if (moves) ask();
    else keep();
  }

  /** The way back leads to where one looked. */
  function keep() {
    const [was, is] = [history.state?.map, eye.isWhole() ? undefined : eye.place()];
    if (JSON.stringify(was) !== JSON.stringify(is)) history.replaceState({ ...history.state, map: is }, "");
  }

  /** The photos in sight, those in the middle first. @returns {import("./pictures.js").Wish[]} */
  function wishes() {
    const { view, level } = eye.now();
    const step = 2 ** (levels.finest - level);
    const { left, right, top, bottom } = inSight(view, size, levels, level);
    const larger = 2 ** Math.max(0, Math.ceil(Math.log2((view.size * step) / PICTURE_PX)));
    /** @type {{product: number, width: number, away: number}[]} */
    const found = [];
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const product = levels.first[level][row * columnsOf(level) + column];
        const away = Math.hypot((column + 0.5) * step - view.x, (row + 0.5) * step - view.y);
        if (product !== NONE) found.push({ product, width: Math.round(scale * PICTURE_PX * larger), away });
      }
    }
    return found.sort((one, other) => one.away - other.away);
  }

  /** The cell of a product on a level, `step` columns of the finest level wide. @param {number} product @param {number} level */
  function cellOf(product, level) {
    const step = 2 ** (levels.finest - level);
    return { step, column: Math.floor(levels.column[product] / step), row: Math.floor(levels.row[product] / step) };
  }

  /** The photo in the middle, for keys to begin with. */
  function middle() {
    pointer.choose(nearest(levels, eye.goalLevel(), eye.goal()), false);
  }

  /** Come closer to the middle, or with keys to the photo that they chose. @param {number} factor @param {boolean} [withKeys] */
  function zoom(factor, withKeys = false) {
    const at = pointer.product();
    const from = eye.goal();
    const isChosen = withKeys && at !== NONE && pointer.byKeys();
    eye.look(zoomed(isChosen ? { ...from, x: levels.column[at] + 0.5, y: levels.row[at] + 0.5 } : from, factor, 0, 0), true);
    if (!isChosen) return;
    const { column, row } = cellOf(at, eye.goalLevel());
    pointer.choose(levels.first[eye.goalLevel()][row * columnsOf(eye.goalLevel()) + column], false);
  }

  /** To the next photo in a direction, which stays in sight. @param {number} right @param {number} down */
  function step(right, down) {
    const level = eye.goalLevel();
    if (pointer.product() === NONE) return middle();
    const found = next(levels, level, cellOf(pointer.product(), level), right, down);
    if (found === NONE) return;
    pointer.choose(found, false);
    const cell = cellOf(found, level);
    const { x, y, width, height } = boxOf(eye.goal(), size, cell.step, cell.column, cell.row);
    const shift = (/** @type {number} */ px, /** @type {number} */ end, /** @type {number} */ room) => clamp(px, room, Math.max(room, end - room)) - px;
    eye.look(moved(eye.goal(), shift(x + width / 2, size.width, width * ROOM), shift(y + height / 2, size.height, height * ROOM)), true);
  }

  /** @param {number} x @param {number} y */
  function under(x, y) {
    const { view, level } = eye.now();
    return productAt(view, size, levels, level, x, y);
  }

  listen(stage, {
    drag: (right, down) => void eye.look(moved(eye.goal(), right, down)),
    pinch: (factor, x, y) => eye.look(zoomed(eye.goal(), factor, x - size.width / 2, y - size.height / 2)),
    zoom: (factor) => zoom(factor, true),
    home,
    step,
    point: (x, y) => pointer.choose(under(x, y), true),
    leave: pointer.leave,
    press(x, y) {
      const product = under(x, y);
      if (product === NONE) return false;
      pointer.choose(product, true);
      link.click();
      return true;
    },
    oneFinger() {
      hint.hidden = false;
      clearTimeout(hiding);
      hiding = setTimeout(() => (hint.hidden = true), HINT_MS);
    },
  }, signal);

  function home() {
    eye.home();
    if (pointer.byKeys()) middle();
  }

  link.addEventListener("focus", () => pointer.byKeys() && middle());
  link.addEventListener("blur", () => stage.classList.remove("is-pointing"));
  link.addEventListener("click", (event) => {
    if (!options.onPick || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    options.onPick(answer.ids[pointer.product()]);
  });
  for (const button of stage.querySelectorAll("button")) {
    const { does } = button.dataset;
    button.addEventListener("click", () => (does === "home" ? home() : zoom(does === "in" ? 2 : 0.5)));
  }

  const watch = new ResizeObserver(() => {
    if (!stage.clientWidth || !stage.clientHeight) return;
    const isFirst = !size.width;
    scale = Math.min(devicePixelRatio, SHARPEST);
    canvas.width = Math.round(stage.clientWidth * scale);
    canvas.height = Math.round(stage.clientHeight * scale);
    eye.fit(stage.clientWidth, stage.clientHeight, history.state?.map);
    if (isFirst) middle();
    draw(performance.now()); // at once: a canvas of another size is empty
  });
  watch.observe(stage);
  for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
    matchMedia(query).addEventListener("change", () => {
      palette = paletteOf(element);
      land = landOf(levels, palette.land);
      photos.clear();
      ask();
    }, { signal });
  }
  signal.addEventListener("abort", () => {
    watch.disconnect();
    photos.close();
    pointer.close();
  });
}
