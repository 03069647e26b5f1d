// One slider between shape and colour: factors on the weights of the model's parts. What sort of thing it is counts as ever.

import { modelParts } from "./api.js";
import { t, translate } from "./texts.js";

// Shape's factor and colour's, from shape alone to colour foremost; the middle is the model's own weights.
const STOPS = [[2, 0], [1.5, 0.25], [1.25, 0.5], [1, 1], [0.75, 2], [0.5, 3], [0.25, 4]];
const MIDDLE = 3;
const REST_MS = 120; // of a drag: each stop that is only passed would be a search
const MARKUP = `<span data-t="weights.shape" aria-hidden="true"></span>
  <input type="range" min="0" max="${STOPS.length - 1}" data-t-label="weights.label">
  <span data-t="weights.colour" aria-hidden="true"></span>`;

/**
 * @param {HTMLElement} element
 * @param {import("./app.js").Callbacks} callbacks
 */
export function mount(element, { change }) {
  element.classList.add("weights");
  element.innerHTML = MARKUP;
  translate(element);
  const slider = /** @type {HTMLInputElement} */ (element.querySelector("input"));
  let asked = ""; // the weights of the search that is shown
  let timer = 0;

  /** @param {number} stop */
  function draw(stop) {
    slider.value = String(stop);
    slider.ariaValueText = t(stop === MIDDLE ? "weights.both" : stop < MIDDLE ? "weights.moreShape" : "weights.moreColour");
  }

  slider.addEventListener("input", () => {
    draw(Number(slider.value));
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      const stop = Number(slider.value);
      const [shape, colour] = STOPS[stop];
      // Back leads to the usual weights, not through every stop that was tried.
      change({ weights: stop === MIDDLE ? "" : `shape:${shape},colour:${colour}` }, asked !== "");
    }, REST_MS);
  });
  modelParts().then((parts) => {
    // The space is kept until then: most models have both, and nothing moves.
    if (parts.includes("shape") && parts.includes("colour")) element.classList.add("is-ready");
    else element.replaceChildren();
  });
  draw(MIDDLE);

  return {
    /** @param {import("./app.js").Shown} shown */
    show({ route }) {
      asked = route.options.weights;
      if (!timer) draw(stopOf(asked));
    },
  };
}

/** @param {string} weights as in the address, written by anybody @returns {number} the nearest stop */
function stopOf(weights) {
  const factor = Number(/(?:^|,)colour:([\d.]+)/.exec(weights)?.[1] ?? 1);
  const away = STOPS.map(([, colour]) => Math.abs(colour - factor));
  return away.indexOf(Math.min(...away));
}
