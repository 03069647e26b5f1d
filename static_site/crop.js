// A box on the shopper's photo: search with the one thing they mean.
//
// A box is its edges, left, top, right and bottom, in fractions of the photo: no size of the window, zoom or direction of
// writing matters.

import { t, translate } from "./texts.js";

/** @typedef {number[]} Box */

/** @type {Box} */
const WHOLE = [0, 0, 1, 1];
const EDGES = ["left", "top", "right", "bottom"];
const ALL_EDGES = "0123";
const LEAST_PX = 17; // the API takes 16 pixels of the photo as it is sent; one more for rounding
const LEAST = 0.08; // of a side: less could not be held
const STEP = 0.02;
const REST_MS = 500; // after the last key
const ARROWS = new Map([["ArrowLeft", [-STEP, 0]], ["ArrowRight", [STEP, 0]], ["ArrowUp", [0, -STEP]], ["ArrowDown", [0, STEP]]]);
// The sliders are the box for those who do not see it: the arrow keys of a screen reader read.
const MARKUP = `
  <div class="crop-stage"><div class="crop-sheet"><img alt="" draggable="false">
    <div class="crop-box" role="group" tabindex="0" data-t-label="crop.box" data-edges="${ALL_EDGES}">
      <span data-edges="01"></span><span data-edges="21"></span><span data-edges="03"></span><span data-edges="23"></span>
    </div>
  </div></div>
  <div class="crop-words"><p data-t="crop.hint"></p><button type="button" class="button second" data-t="crop.whole"></button></div>
  <div class="crop-edges">${EDGES.map((edge) => `<label><span data-t="crop.${edge}"></span><input type="range"></label>`).join("")}</div>`;

/**
 * @param {HTMLElement} element
 * @param {import("./app.js").Callbacks} callbacks
 */
export function mount(element, { change }) {
  element.classList.add("crop");
  element.role = "group";
  element.ariaLabel = t("crop.label");
  element.innerHTML = MARKUP;
  translate(element);
  const [sheet, frame] = [".crop-sheet", ".crop-box"].map((name) => /** @type {HTMLElement} */ (element.querySelector(name)));
  const picture = /** @type {HTMLImageElement} */ (element.querySelector("img"));
  const whole = /** @type {HTMLButtonElement} */ (element.querySelector("button"));
  const sliders = [...element.querySelectorAll("input")];
  let now = WHOLE;
  let asked = ""; // the crop of the search that is shown
  let timer = 0;
  let held = false;

  /** @param {Box} next */
  function draw(next) {
    now = next;
    for (const [i, at] of next.entries()) sheet.style.setProperty(`--${EDGES[i]}`, `${at * 100}%`);
    frame.classList.toggle("is-whole", isWhole(next));
    whole.ariaDisabled = String(isWhole(next));
    for (const [i, slider] of sliders.entries()) {
      slider.value = String(next[i] * 100);
      slider.ariaValueText = `${slider.value} %`;
    }
  }

  /** Move some edges of a box. @param {Box} box @param {string} edges @param {number} right @param {number} down */
  function move(box, edges, right, down) {
    const moved = box.map((at, i) => at + (edges.includes(String(i)) ? (i % 2 ? down : right) : 0));
    draw(inside(edges === ALL_EDGES ? moved : moved.map((at) => clamp(at, 0, 1))));
  }

  /** @param {Box} box @returns {Box} in the photo, and large enough */
  function inside(box) {
    const [[left, right], [top, bottom]] = [picture.naturalWidth, picture.naturalHeight].map((px, axis) => {
      const size = clamp(box[axis + 2] - box[axis], clamp(LEAST_PX / (px || 1e9), LEAST, 1), 1);
      const start = clamp(box[axis], 0, 1 - size);
      return [start, start + size];
    });
    return [left, top, right, bottom];
  }

  /** Search with the box, unless it changes again. @param {number} [wait_ms] */
  function release(wait_ms = 0) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      const [left, top, right, bottom] = now;
      const crop = isWhole(now) ? "" : [left, top, right - left, bottom - top].map((part) => Number(part.toFixed(3))).join();
      // Back leads to the whole photo, not through every box that was tried.
      if (crop !== asked) change({ crop }, asked !== "");
    }, wait_ms);
  }

  sheet.addEventListener("pointerdown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const beside = target === picture;
    if (event.button || held || (beside && event.pointerType !== "mouse")) return; // a finger beside the box scrolls
    event.preventDefault(); // no selection, no dragging of the picture
    frame.focus({ preventScroll: true });
    sheet.setPointerCapture(event.pointerId);
    held = true;
    const before = now;
    const edges = target.dataset.edges ?? "";
    const draws = beside || (edges === ALL_EDGES && isWhole(before));
    const { left, top, width, height } = sheet.getBoundingClientRect();
    const at = (/** @type {PointerEvent} */ { clientX, clientY }) => [(clientX - left) / width, (clientY - top) / height];
    const [startX, startY] = at(event);
    const gesture = new AbortController();
    const { signal } = gesture;
    sheet.addEventListener("pointermove", (moved) => {
      if (moved.pointerId !== event.pointerId) return;
      const [x, y] = at(moved).map((part) => clamp(part, 0, 1));
      if (!draws) move(before, edges, x - startX, y - startY);
      else if (Math.max(Math.abs(x - startX), Math.abs(y - startY)) < LEAST / 2) draw(before); // a press, not a box
      else draw(inside([Math.min(x, startX), Math.min(y, startY), Math.max(x, startX), Math.max(y, startY)]));
    }, { signal });
    for (const end of ["pointerup", "pointercancel"]) {
      sheet.addEventListener(end, (ended) => {
        if (/** @type {PointerEvent} */ (ended).pointerId !== event.pointerId) return;
        gesture.abort();
        held = false;
        if (end === "pointercancel") draw(before);
        release();
      }, { signal });
    }
  });

  frame.addEventListener("keydown", (event) => {
    const [right, down] = ARROWS.get(event.key) ?? [];
    if (right === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault(); // the page would scroll
    move(now, event.shiftKey ? "23" : ALL_EDGES, right, down);
    release(REST_MS);
  });
  for (const [i, slider] of sliders.entries()) {
    slider.addEventListener("input", () => {
      const by = Number(slider.value) / 100 - now[i];
      move(now, String(i), by, by);
      release(REST_MS);
    });
  }
  whole.addEventListener("click", () => {
    draw(WHOLE);
    release();
  });
  picture.addEventListener("load", () => sheet.style.setProperty("--ratio", String(picture.naturalWidth / picture.naturalHeight)));
  draw(WHOLE);

  return {
    /** @param {import("./app.js").Shown} shown */
    show({ route, query, photo }) {
      const url = photo && query?.imageUrl;
      if (url && picture.getAttribute("src") !== url) picture.src = url;
      asked = route.options.crop;
      if (!held && !timer) draw(parsed(asked));
    },
  };
}

/** @param {string} crop as in the address, written by anybody @returns {Box} */
function parsed(crop) {
  const [x, y, w, h, ...more] = crop.split(",").map(Number);
  if (more.length || !(x >= 0 && y >= 0 && x < 1 && y < 1 && w > 0 && h > 0)) return WHOLE;
  return [x, y, Math.min(1, x + w), Math.min(1, y + h)];
}

/** @param {Box} box */
function isWhole([left, top, right, bottom]) {
  return right - left > 0.995 && bottom - top > 0.995;
}

/** @param {number} value @param {number} low @param {number} high */
function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
