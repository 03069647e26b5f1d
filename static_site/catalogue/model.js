// By what products are compared, and where the answers come from.

import { made } from "../choices.js";
import { label } from "../filtertext.js";
import { $ } from "../page.js";
import { has, number, t } from "../texts.js";
import { ago } from "./times.js";

/** @param {import("./answers.js").Health} health */
export function showModel({ model, snapshot, data }) {
  $("model").hidden = false;
  const most = Math.max(...model.parts.map(({ weight }) => weight), 0) || 1;
  $("parts").replaceChildren(...model.parts.map(({ name, weight }) => {
    const key = `model.part.${name}`;
    const bar = made("span", "bar-of");
    bar.style.inlineSize = `${(100 * weight) / most}%`;
    const item = made("li", "", made("span", "value-name", has(key) ? t(key) : label(name)));
    item.append(made("span", "count", t("model.weight", { weight })), bar);
    return item;
  }));
  const put = data.changed && ago((Date.now() - data.changed.getTime()) / 1000);
  /** @type {[string, string][]} */
  const facts = [
    ["model.data", data.files ? t("model.dataValue", { count: data.files, time: put ?? t("catalogue.unknown") }) : t("model.dataNone")],
    ["model.name", model.name],
    ["model.fingerprint", model.fingerprint.slice(0, 12)],
    ["model.snapshot", snapshot],
  ];
  $("facts").replaceChildren(...facts.map(([key, value]) => {
    const row = made("div", "", made("dt", "", t(key)));
    row.append(made("dd", "", made("bdi", "", value)));
    return row;
  }));
}
