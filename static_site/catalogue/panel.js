// A part of the page with a question of its own: it shows the answer, or its own trouble and a way on. The others go on meanwhile.

import { Problem } from "../api.js";
import { t } from "../texts.js";

/**
 * @template Answer
 * @typedef {object} Panel
 * @property {(signal: AbortSignal) => Promise<Answer | null>} ask null where there is no answer; unless it was aborted, the panel says why
 * @property {() => boolean} isAnswered whether the last question was
 */

/**
 * @template Answer
 * @param {HTMLElement} section with an element of the class "trouble"
 * @param {(signal: AbortSignal) => Promise<Answer>} question
 * @param {(answer: Answer) => void} show
 * @returns {Panel<Answer>}
 */
export function panel(section, question, show) {
  const trouble = /** @type {HTMLElement} */ (section.querySelector(".trouble"));
  const words = document.createElement("p");
  const again = Object.assign(document.createElement("button"), { type: "button", className: "button second", textContent: t("catalogue.again") });
  words.setAttribute("role", "alert");
  trouble.append(words, again);
  let isAnswered = false;
  let isShown = false;

  /** @param {AbortSignal} signal */
  async function ask(signal) {
    try {
      const answer = await question(signal);
      if (trouble.contains(document.activeElement)) focusOn(section);
      tell("");
      show(answer);
      isAnswered = isShown = true;
      return answer;
    } catch (error) {
      if (signal.aborted) return null; // the next turn asks again
      if (!(error instanceof Problem)) throw error;
      isAnswered = false;
      tell(`${error.message}. ${error.detail}${isShown ? ` ${t("catalogue.kept")}` : ""}`);
      return null;
    }
  }

  /** @param {string} told said once, not at each of the attempts that fail */
  function tell(told) {
    section.hidden = section.hidden && !told;
    trouble.hidden = !told;
    if (words.textContent !== told) words.textContent = told;
  }

  again.addEventListener("click", async () => {
    if (again.ariaDisabled === "true") return;
    again.ariaDisabled = "true";
    await ask(new AbortController().signal).finally(() => (again.ariaDisabled = "false"));
  });
  return { ask, isAnswered: () => isAnswered };
}

/** @param {HTMLElement} section whose button has gone */
function focusOn(section) {
  const heading = section.querySelector("h1, h2");
  if (!(heading instanceof HTMLElement)) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}
