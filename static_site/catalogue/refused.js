// Photos, data files and rows that could not be used: why, and what to do.

import { made } from "../choices.js";
import { $, fill } from "../page.js";
import { has, language, number, t } from "../texts.js";
import { refused } from "./answers.js";

/** @typedef {import("./answers.js").Refusal} Refusal @typedef {import("./answers.js").Refused} Refused */

const SHOWN = 12; // at first, and again with each press
const DATA = "products/";

/** @returns {{question: (signal: AbortSignal) => Promise<Refused>, show: (answer: Refused) => void, more: (ask: () => Promise<unknown>) => Promise<void>}} */
export function refusedList() {
  const list = $("refused-list");
  let wanted = SHOWN;
  let drawn = "";
  /** @type {Refused} */
  let found = { total: 0, unlisted: 0, refusals: [], after: null };

  return {
    /** As many pages as it takes for what is to be shown. */
    async question(signal) {
      let page = await refused(signal, "");
      const { refusals } = page;
      while (refusals.length < wanted && page.after !== null) {
        page = await refused(signal, page.after);
        refusals.push(...page.refusals);
      }
      return { ...page, refusals };
    },
    show(answer) {
      found = answer;
      $("refused").hidden = false;
      const shown = found.refusals.slice(0, wanted);
      $("refused-lead").textContent = found.total ? t("refused.some", { count: found.total }) : t("refused.none");
      fill($("refused-unlisted"), found.unlisted ? t("refused.unlisted", { count: found.unlisted }) : null);
      const key = JSON.stringify(shown);
      if (key !== drawn) list.replaceChildren(...shown.map(item));
      drawn = key;
      list.hidden = !shown.length;
      const isAll = shown.length === found.refusals.length && found.after === null;
      $("refused-more").hidden = isAll;
      const listed = found.total - found.unlisted;
      fill($("refused-shown"), isAll ? null : t("refused.shown", { count: shown.length, total: number(listed) }));
    },
    /** Show more of them. @param {() => Promise<unknown>} ask for those that are not here yet */
    async more(ask) {
      const before = list.childElementCount;
      wanted += SHOWN;
      if (found.refusals.length < wanted && found.after !== null) await ask();
      else this.show(found);
      focusOn(list.children[before]);
    },
  };
}

/** @param {Element | undefined} element */
function focusOn(element) {
  if (!(element instanceof HTMLElement)) return;
  element.tabIndex = -1;
  element.focus();
}

/** @param {Refusal} refusal */
function item({ key, id, line, code, detail }) {
  const isData = key.startsWith(DATA);
  const reason = !isData && key.endsWith("/") ? "folder" : code;
  const isKnown = has(`reason.${reason}`);
  const kind = t(isData ? (line === null ? "refused.file" : "refused.row") : "refused.photo");
  const element = made("li", isData ? "data" : "photo");
  const place = key.lastIndexOf("/", key.length - 2) + 1;
  const name = made("p", "file", made("bdi", "folder", key.slice(0, place)));
  name.append(made("bdi", "", key.slice(place)));
  const about = [kind, line !== null && t("refused.line", { line: number(line, { useGrouping: false }) }), id && isData && t("refused.product", { id })];
  element.append(
    made("h3", "", isKnown ? t(`reason.${reason}`) : t("reason.other")),
    name,
    made("p", "about", about.filter(Boolean).join(" · ")),
  );
  if (isData || !isKnown) {
    const told = made("p", "detail", detail);
    if (language() !== "en") told.lang = "en"; // as the service says it
    element.append(told);
  }
  element.append(made("p", "do", advice(reason, isData, line !== null)));
  return element;
}

/** @param {string} reason @param {boolean} isData @param {boolean} isRow */
function advice(reason, isData, isRow) {
  if (isRow) return t("do.row");
  const key = `do.${reason}`;
  return has(key) ? t(key) : t(isData ? "do.file" : "do.other");
}
