// What is on its way into the catalogue, and what failed for good.

import { made } from "../choices.js";
import { $ } from "../page.js";
import { number, t } from "../texts.js";

/** @typedef {import("./answers.js").Queue} Queue */

const STAGES = /** @type {const} */ (["waiting", "flight", "delayed"]);

/** @param {Queue} queue @returns {number | null} messages that are not done with, null where that is not known */
export function pending({ waiting, flight, delayed }) {
  return waiting === null || flight === null || delayed === null ? null : waiting + flight + delayed;
}

/** @param {Queue} queue */
export function showQueue(queue) {
  const count = pending(queue);
  $("queue").hidden = false;
  $("queue-lead").textContent = count === null ? t("queue.silent") : count ? t("queue.some", { count }) : t("queue.none");
  $("belt").replaceChildren(...STAGES.filter((stage) => queue[stage]).map((stage) => {
    const piece = made("span", stage);
    piece.style.flexGrow = String(queue[stage]);
    return piece;
  }));
  $("stages").replaceChildren(
    ...STAGES.map((stage) => row(stage, queue[stage], t(`queue.${stage}`), t(`queue.${stage}Means`))),
    row("dead", queue.dead, t("queue.dead"), queue.dead === 0 ? t("queue.deadNone") : ""),
  );
  $("dead-advice").hidden = !queue.dead;
}

/** @param {string} stage @param {number | null} count @param {string} name @param {string} meaning */
function row(stage, count, name, meaning) {
  const value = made("dd", "", made("strong", "", count === null ? "–" : number(count)));
  if (count === null) value.append(made("span", "for-ears", t("catalogue.unknown")));
  if (meaning) value.append(made("span", "means", meaning));
  const element = made("div", `stage ${stage}${count ? " some" : ""}`, made("dt", "", name));
  element.append(value);
  return element;
}
