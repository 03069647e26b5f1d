// The large figures at the top, and how they have changed since the page was opened.

import { made } from "../choices.js";
import { $ } from "../page.js";
import { number, t } from "../texts.js";

const UNKNOWN = "–";

/** @typedef {{seen: string, said: string}} Note beside a figure: as it is seen, and in full words */

/** @param {string} id of the element @returns {(value: number | null, note?: Note | null) => void} null where it is not known */
export function figure(id) {
  const element = $(id);
  element.replaceChildren(made("span", "", UNKNOWN));
  return (value, note = null) => {
    element.classList.toggle("none", !value);
    element.replaceChildren(made("span", "", value === null ? UNKNOWN : number(value)));
    if (!note) return;
    const seen = made("span", "", note.seen);
    seen.setAttribute("aria-hidden", "true");
    const beside = made("span", "note", seen);
    beside.append(made("span", "for-ears", note.said));
    element.append(beside);
  };
}

/** @returns {(value: number) => Note | null} how a figure has changed since it was first known */
export function sinceOpened() {
  /** @type {number | null} */
  let first = null;
  return (value) => {
    first ??= value;
    const change = number(value - first, { signDisplay: "always" });
    return value === first ? null : { seen: change, said: t("figure.since", { change }) };
  };
}
