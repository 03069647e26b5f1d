// The map of the catalogue: all products, near those that look alike, to look at from afar and from nearby.

import { explore } from "./map/explorer.js";
import { levelsOf } from "./map/levels.js";

/**
 * @typedef {import("./map/answer.js").Answer} Answer
 *
 * @typedef {object} Options
 * @property {(signal: AbortSignal) => Promise<Answer | null>} fetchMap null where there is none yet; its errors have `message` and `detail`
 * @property {(image: string) => string} imageAddress of a key below images/
 * @property {(id: string) => string} [address] of a product: where a press leads
 * @property {(id: string) => void} [onPick] in place of following the address
 * @property {(id: string, signal: AbortSignal) => Promise<string>} [nameOf] a product
 * @property {(key: string, values?: Record<string, string | number>) => string} t words
 */

/**
 * @param {HTMLElement} element to fill
 * @param {Options} options
 * @returns {{close: () => void}}
 */
export function mountMap(element, options) {
  const { t } = options;
  const control = new AbortController();
  element.classList.add("map");
  ask();
  return { close: () => control.abort() };

  async function ask() {
    element.replaceChildren(message(t("map.waiting"), "status"));
    try {
      const answer = await options.fetchMap(control.signal);
      if (!answer) return element.replaceChildren(message(t("map.none"), "status"));
      const levels = await levelsOf(answer.x, answer.y, pause);
      if (!control.signal.aborted) explore(element, answer, levels, options, control.signal);
    } catch (error) {
      if (control.signal.aborted) return;
      if (!(error instanceof Error && "detail" in error)) throw error;
      const again = Object.assign(document.createElement("button"), { type: "button", className: "button second", textContent: t("map.again") });
      again.addEventListener("click", ask);
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
