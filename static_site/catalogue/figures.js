// The large figures at the top, and how they have changed since the page was opened.

import { made } from "../choices.js";
import { $ } from "../page.js";
import { number, t } from "../texts.js";

const UNKNOWN = "–";

/**
 * @param {string} id of the element
 * @param {boolean} [isCounted] whether the change since the page was opened is shown
 * @returns {(value: number | null) => void}
 */
export function figure(id, isCounted = false) {
  const element = $(id);
  const value = document.createElement("span");
  const change = made("span", "change");
  /** @type {number | null} */
  let first = null;
  element.replaceChildren(value);
  value.textContent = UNKNOWN;
  return (now) => {
    value.textContent = now === null ? UNKNOWN : number(now);
    element.classList.toggle("none", now === 0);
    if (now === null || !isCounted) return;
    first ??= now;
    const signed = number(now - first, { signDisplay: "always" });
    const seen = made("span", "", signed);
    seen.setAttribute("aria-hidden", "true");
    change.replaceChildren(seen, made("span", "for-ears", t("figure.since", { change: signed })));
    if (now === first) change.remove();
    else element.append(change);
  };
}
