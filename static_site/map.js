// The map of the catalogue: all products, near those that look alike, to look at from afar and from nearby.
//
// What is drawn follows from three things: where one looks, which level is shown, and which photo is pointed at. A frame is drawn
// where one of them or a photo has changed, and none else.

import { landOf, paint } from "./map/drawing.js";
import { listen } from "./map/gestures.js";
import { NONE, columnsOf, levelsOf } from "./map/levels.js";
import { build, paletteOf } from "./map/markup.js";
import { nearest, next } from "./map/neighbours.js";
import { pictures } from "./map/pictures.js";
import { bounded, boxOf, clamp, inSight, levelOf, midway, moved, productAt, whole, zoomed } from "./map/view.js";

/**
 * @typedef {import("./map/answer.js").Answer} Answer
 * @typedef {import("./map/levels.js").Levels} Levels
 * @typedef {import("./map/view.js").View} View
 *
 * @typedef {object} Options
 * @property {(signal: AbortSignal) => Promise<Answer | null>} fetchMap null where there is none yet; its errors have `message`, `detail` and `passing`
 * @property {(image: string) => string} imageAddress of a key below images/
 * @property {(id: string) => string} [address] of a product: where a click leads
 * @property {(id: string) => void} [onPick] in place of following the address
 * @property {(id: string, signal: AbortSignal) => Promise<string>} [nameOf] a product
 * @property {(key: string, values?: Record<string, string | number>) => string} t words
 */

const PACE_MS = 160; // of a zoom by wheel or key, and of photos that move into their cells
const PICTURES_MS = 120; // while the map moves, photos are asked for so often
const NAME_MS = 180; // after which the name of a photo is asked for
const HINT_MS = 1600;

/**
 * @param {HTMLElement} element to fill
 * @param {Options} options
 * @returns {{close: () => void}}
 */
export function mountMap(element, options) {
  const { t } = options;
  const control = new AbortController();
  element.classList.add("map");
  element.replaceChildren(message(t("map.waiting"), "status"));
  ask();
  return { close: () => control.abort() };

  async function ask() {
    try {
      const answer = await options.fetchMap(control.signal);
      if (!answer) return element.replaceChildren(message(t("map.none"), "status"));
      const levels = await levelsOf(answer.x, answer.y, pause);
      control.signal.throwIfAborted();
      explore(element, answer, levels, options, control.signal);
    } catch (error) {
      if (control.signal.aborted) return;
      if (!(error instanceof Error && "detail" in error)) throw error;
      const again = Object.assign(document.createElement("button"), { type: "button", className: "button second", textContent: t("map.again") });
      again.addEventListener("click", () => {
        element.replaceChildren(message(t("map.waiting"), "status"));
        ask();
      });
      element.replaceChildren(message(`${error.message}. ${error.detail}`, "alert"), again);
    }
  }
}

/** @param {string} words @param {string} role @returns {HTMLElement} */
function message(words, role) {
  const element = Object.assign(document.createElement("p"), { className: "map-message", textContent: words });
  element.setAttribute("role", role);
  return element;
}

/** Let the page go on with other work. @returns {Promise<void>} */
function pause() {
  return new Promise((done) => setTimeout(done));
}

/** @param {HTMLElement} element @param {Answer} answer @param {Levels} levels @param {Options} options @param {AbortSignal} signal */
function explore(element, answer, levels, options, signal) {
  const { t } = options;
  const addressOf = options.address ?? ((id) => `./#/product/${encodeURIComponent(id)}`);
  const { stage, canvas, link, label, status, hint } = build(element, answer, t);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const size = { width: 0, height: 0 };
  let palette = paletteOf(element);
  let land = landOf(levels, palette.land);
  /** @type {View} */
  let view = { x: 0, y: 0, size: 1 };
  /** @type {{from: View, to: View, begun: number} | null} */
  let way = null;
  let least = 1; // the size of the view where all of the map is seen
  let level = 0;
  let detail = 0;
  let chosen = NONE;
  let pointed = false; // by the mouse; otherwise by keys
  let frame = 0;
  let lastMs = 0;
  let wishedMs = 0;
  let scale = 1; // pixels of the screen in one of the page
  const photos = pictures((product) => options.imageAddress(answer.images[product]), () => palette.ground, ask);

  function ask() {
    frame ||= requestAnimationFrame(draw);
  }

  /** @param {number} now */
  function draw(now) {
    frame = 0;
    if (signal.aborted) return;
    const passed = lastMs ? Math.min(now - lastMs, 50) : 16;
    if (way) {
      const part = clamp((now - way.begun) / PACE_MS, 0, 1);
      view = midway(way.from, way.to, 1 - (1 - part) ** 3);
      if (part === 1) way = null;
    }
    level = levelOf(view.size, least, levels.finest, level);
    if (still.matches) detail = level;
    // A fast zoom passes levels by: at most one of them is on its way.
    detail = clamp(detail, level - 1, level + 1);
    detail = detail < level ? Math.min(level, detail + passed / PACE_MS) : Math.max(level, detail - passed / PACE_MS);
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    paint(pen, { levels, view, size, detail, chosen: isPointing() ? chosen : NONE, picture: photos.get, palette }, land);
    const moves = way !== null || detail !== level;
    if (!moves || now - wishedMs > PICTURES_MS) {
      wishedMs = now;
      photos.want(wishes());
    }
    place();
    lastMs = moves ? now : 0;
    if (moves) ask();
  }

  const isPointing = () => stage.classList.contains("is-pointing");

  /** The photos in sight, those in the middle first. @returns {import("./map/pictures.js").Wish[]} */
  function wishes() {
    const step = 2 ** (levels.finest - level);
    const { left, right, top, bottom } = inSight(view, size, levels, level);
    const columns = columnsOf(level);
    const width = Math.round(scale * 64 * 2 ** Math.max(0, Math.ceil(Math.log2((view.size * step) / 64))));
    /** @type {{product: number, width: number, away: number}[]} */
    const found = [];
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const product = levels.first[level][row * columns + column];
        if (product === NONE) continue;
        found.push({ product, width, away: Math.hypot((column + 0.5) * step - view.x, (row + 0.5) * step - view.y) });
      }
    }
    return found.sort((one, other) => one.away - other.away);
  }

  /** @param {View} to @param {boolean} [smoothly] */
  function look(to, smoothly = false) {
    const before = way?.to ?? view;
    const target = bounded(to, levels, size);
    const changes = Math.abs(target.size / before.size - 1) > 1e-6 || target.x !== before.x || target.y !== before.y;
    way = smoothly && !still.matches ? { from: view, to: target, begun: performance.now() } : null;
    if (!way) view = target;
    if (changes) ask();
    return changes;
  }

  /** The level on which the map will be once it is where it is going. */
  const goal = () => levelOf((way?.to ?? view).size, least, levels.finest, level);

  /** The cell of a product on a level. @param {number} product @param {number} on */
  function cellOf(product, on) {
    const step = 2 ** (levels.finest - on);
    return { step, column: Math.floor(levels.column[product] / step), row: Math.floor(levels.row[product] / step) };
  }

  /** Where the link is: over the photo that is pointed at. */
  function place() {
    if (chosen === NONE) return;
    const { step, column, row } = cellOf(chosen, level);
    const box = boxOf(view, size, step, column, row);
    link.style.translate = `${box.x}px ${box.y}px`;
    link.style.inlineSize = `${box.width}px`;
    link.style.blockSize = `${box.height}px`;
    const half = label.offsetWidth / 2 + 4;
    const below = box.y + box.height * 1.2 + 6;
    const top = below + label.offsetHeight > size.height ? box.y - box.height * 0.2 - label.offsetHeight - 6 : below;
    label.style.translate = `${clamp(box.x + box.width / 2, half, Math.max(half, size.width - half))}px ${top}px`;
  }

  let naming = new AbortController();
  /** @param {number} product @param {boolean} byMouse */
  function choose(product, byMouse) {
    pointed = byMouse;
    stage.classList.toggle("is-pointing", product !== NONE && (byMouse || document.activeElement === link));
    if (product === chosen) return ask();
    chosen = product;
    naming.abort();
    naming = new AbortController();
    link.hidden = product === NONE;
    if (product !== NONE) name(product, naming.signal);
    ask();
  }

  /** @param {number} product @param {AbortSignal} ended */
  async function name(product, ended) {
    const id = answer.ids[product];
    link.href = addressOf(id);
    tell(t("map.product", { id }));
    if (!options.nameOf) return void (status.textContent = pointed ? "" : label.textContent);
    await new Promise((done) => setTimeout(done, NAME_MS));
    if (ended.aborted) return;
    const found = await options.nameOf(id, AbortSignal.any([ended, signal])).catch(() => ""); // its number does as well
    if (ended.aborted) return;
    if (found) tell(found);
    status.textContent = pointed ? "" : label.textContent;
    place();
  }

  /** @param {string} words */
  function tell(words) {
    label.textContent = words;
    link.setAttribute("aria-label", words);
  }

  /** The photo in the middle, for keys to begin with. */
  function middle() {
    choose(nearest(levels, goal(), way?.to ?? view), false);
  }

  /** Where keys zoom: at the photo that is chosen by them. @param {number} factor @param {boolean} at */
  function zoom(factor, at) {
    const from = way?.to ?? view;
    const to = at && chosen !== NONE && !pointed ? { ...from, x: levels.column[chosen] + 0.5, y: levels.row[chosen] + 0.5 } : from;
    look(zoomed(to, factor, 0, 0), true);
    if (chosen !== NONE && !pointed) {
      const { column, row } = cellOf(chosen, goal());
      choose(levels.first[goal()][row * columnsOf(goal()) + column], false);
    }
  }

  const moves = {
    drag: (/** @type {number} */ right, /** @type {number} */ down) => void look(moved(way?.to ?? view, right, down)),
    pinch: (/** @type {number} */ factor, /** @type {number} */ x, /** @type {number} */ y) =>
      look(zoomed(way?.to ?? view, factor, x - size.width / 2, y - size.height / 2)),
    zoom: (/** @type {number} */ factor) => zoom(factor, true),
    home: () => void (look(whole(levels, size), true), pointed || middle()),
    step(/** @type {number} */ right, /** @type {number} */ down) {
      if (chosen === NONE) return middle();
      const found = next(levels, goal(), cellOf(chosen, goal()), right, down);
      if (found === NONE) return;
      choose(found, false);
      const at = way?.to ?? view;
      const { step, column, row } = cellOf(found, goal());
      const box = boxOf(at, size, step, column, row);
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      const shift = (/** @type {number} */ px, /** @type {number} */ end, /** @type {number} */ room) => clamp(px, room, Math.max(room, end - room)) - px;
      look(moved(at, shift(x, size.width, box.width * 1.5), shift(y, size.height, box.height * 1.5)), true);
    },
    point: (/** @type {number} */ x, /** @type {number} */ y) => choose(productAt(view, size, levels, level, x, y), true),
    leave: () => void (pointed && choose(NONE, false)),
    press(/** @type {number} */ x, /** @type {number} */ y) {
      const product = productAt(view, size, levels, level, x, y);
      if (product === NONE) return false;
      choose(product, true);
      link.click();
      return true;
    },
    oneFinger() {
      hint.hidden = false;
      clearTimeout(hiding);
      hiding = setTimeout(() => (hint.hidden = true), HINT_MS);
    },
  };
  let hiding = 0;

  listen(stage, moves, signal);
  link.addEventListener("focus", () => pointed || middle());
  link.addEventListener("blur", () => stage.classList.remove("is-pointing"));
  link.addEventListener("click", (event) => {
    if (!options.onPick || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    options.onPick(answer.ids[chosen]);
  });
  for (const button of stage.querySelectorAll("button")) {
    button.addEventListener("click", () => (button.dataset.does === "home" ? moves.home() : zoom(button.dataset.does === "in" ? 2 : 0.5, false)));
  }
  const watch = new ResizeObserver(resized);
  watch.observe(stage);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    palette = paletteOf(element);
    land = landOf(levels, palette.land);
    photos.clear();
    ask();
  }, { signal });
  signal.addEventListener("abort", () => {
    watch.disconnect();
    photos.close();
    naming.abort();
  });

  function resized() {
    const first = !size.width;
    const isWhole = first || view.size <= least * 1.001;
    [size.width, size.height] = [stage.clientWidth, stage.clientHeight];
    if (!size.width || !size.height) return;
    scale = Math.min(devicePixelRatio, 2);
    canvas.width = Math.round(size.width * scale);
    canvas.height = Math.round(size.height * scale);
    least = whole(levels, size).size;
    look(isWhole ? whole(levels, size) : view);
    if (first) detail = level = levelOf(view.size, least, levels.finest);
    if (first) choose(nearest(levels, level, view), false);
    ask();
  }
}
