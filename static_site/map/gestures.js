// How the map is moved: by wheel, drag, pinch and keys.
//
// The page stays one that can be scrolled: one finger scrolls it, and two move the map; a wheel that is turning while the page
// scrolls goes on scrolling it, and so does one that cannot make the map smaller.

/**
 * @typedef {object} Moves what the gestures do; points in pixels from the corner of the map
 * @property {(right: number, down: number) => void} drag
 * @property {(factor: number, x: number, y: number) => boolean} pinch whether the map became larger or smaller
 * @property {(factor: number) => void} zoom around what is pointed at
 * @property {() => void} home
 * @property {(right: number, down: number) => void} step to the next photo in a direction
 * @property {(x: number, y: number) => void} point
 * @property {() => void} leave
 * @property {(x: number, y: number) => boolean} press whether there was something to press
 * @property {() => void} oneFinger
 */

const ARROWS = new Map([["ArrowLeft", [-1, 0]], ["ArrowRight", [1, 0]], ["ArrowUp", [0, -1]], ["ArrowDown", [0, 1]]]);
const KEY_ZOOM = 2;
const WHEEL_STEP = 1.0018; // for each pixel that a wheel turns
const PINCH_STEP = 1.012; // for each pixel of a touchpad's pinch, which comes as a wheel with Ctrl
const LINE_PX = 16;
const STILL_PX = 5; // a press that moves less is no drag
const SCROLL_MS = 250; // the page counts as scrolling for so long after it moved

/** @param {HTMLElement} stage @param {Moves} moves @param {AbortSignal} signal ends it */
export function listen(stage, moves, signal) {
  /** @param {{clientX: number, clientY: number}} event @returns {[number, number]} */
  const at = ({ clientX, clientY }) => {
    const { left, top } = stage.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };
  let scrolledMs = 0;
  let dragged = false;

  addEventListener("scroll", () => (scrolledMs = performance.now()), { signal, passive: true });
  stage.addEventListener("wheel", (event) => {
    const scrolls = performance.now() - scrolledMs < SCROLL_MS;
    if (scrolls && !event.ctrlKey) return void (scrolledMs = performance.now());
    const px = event.deltaY * [1, LINE_PX, stage.clientHeight][event.deltaMode];
    const changed = moves.pinch((event.ctrlKey ? PINCH_STEP : WHEEL_STEP) ** -px, ...at(event));
    if (changed || event.ctrlKey) event.preventDefault();
  }, { signal, passive: false });

  stage.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") return;
    dragged = false;
    if (event.button !== 0 || isButton(event)) return;
    let [x, y] = at(event);
    const gesture = new AbortController();
    const options = { signal: AbortSignal.any([signal, gesture.signal]) };
    const [startX, startY] = [x, y];
    stage.addEventListener("pointermove", (moved) => {
      if (moved.pointerId !== event.pointerId) return;
      const [nowX, nowY] = at(moved);
      if (!dragged && Math.hypot(nowX - startX, nowY - startY) < STILL_PX) return;
      if (!dragged) {
        stage.setPointerCapture(event.pointerId);
        stage.classList.add("is-held");
        moves.leave();
      }
      dragged = true;
      moves.drag(nowX - x, nowY - y);
      [x, y] = [nowX, nowY];
    }, options);
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (ended) => {
        if (/** @type {PointerEvent} */ (ended).pointerId !== event.pointerId) return;
        gesture.abort();
        stage.classList.remove("is-held");
      }, options);
    }
  }, { signal });
  stage.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch" || event.buttons) return;
    if (isButton(event)) moves.leave();
    else moves.point(...at(event));
  }, { signal });
  stage.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && moves.leave(), { signal });

  stage.addEventListener("click", (event) => {
    if (isButton(event)) return;
    if (dragged) event.preventDefault();
    else if (!(event.target instanceof Element && event.target.closest("a")) && moves.press(...at(event))) event.preventDefault();
    dragged = false;
  }, { signal, capture: true });

  touch(stage, at, moves, signal);
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const arrow = ARROWS.get(event.key);
    if (arrow) moves.step(arrow[0], arrow[1]);
    else if (event.key === "+" || event.key === "=") moves.zoom(KEY_ZOOM);
    else if (event.key === "-") moves.zoom(1 / KEY_ZOOM);
    else if (event.key === "Home") moves.home();
    else return;
    event.preventDefault(); // the page would scroll
  }, { signal });
}

/** @param {Event} event */
function isButton({ target }) {
  return target instanceof Element && target.closest("button") !== null;
}

/** @param {HTMLElement} stage @param {(touch: Touch) => [number, number]} at @param {Moves} moves @param {AbortSignal} signal */
function touch(stage, at, moves, signal) {
  /** @type {{x: number, y: number, apart: number} | null} */
  let held = null;

  /** @param {TouchList} touches */
  const middle = (touches) => {
    const [[x, y], [otherX, otherY]] = [at(touches[0]), at(touches[1])];
    return { x: (x + otherX) / 2, y: (y + otherY) / 2, apart: Math.hypot(x - otherX, y - otherY) };
  };

  const begin = (/** @type {TouchEvent} */ event) => {
    held = event.targetTouches.length === 2 ? middle(event.targetTouches) : null;
    if (held && event.cancelable) event.preventDefault(); // two fingers are the map's: the page neither scrolls nor zooms
  };
  for (const name of /** @type {const} */ (["touchstart", "touchend", "touchcancel"])) stage.addEventListener(name, begin, { signal, passive: false });
  stage.addEventListener("touchmove", (event) => {
    if (event.targetTouches.length === 1) return moves.oneFinger();
    if (!held || event.targetTouches.length !== 2) return;
    if (event.cancelable) event.preventDefault();
    const now = middle(event.targetTouches);
    moves.drag(now.x - held.x, now.y - held.y);
    moves.pinch(now.apart / (held.apart || 1), now.x, now.y);
    held = now;
  }, { signal, passive: false });
}
