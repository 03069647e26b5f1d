// The products whose photos were put last: an upload is seen arriving.

import { fit } from "../card.js";
import { made } from "../choices.js";
import { $ } from "../page.js";
import { format } from "../route.js";
import { price, t } from "../texts.js";
import { NEWEST } from "./answers.js";

/** @typedef {import("./answers.js").Result} Result */

/** @returns {(products: Result[]) => void} */
export function newestProducts() {
  const list = $("newest-products");
  /** @type {Map<string, HTMLElement>} by picture and product: those that stay are not drawn again */
  let shown = new Map();
  let isFirst = true;
  list.replaceChildren(...Array.from({ length: NEWEST }, () => made("li", "waiting")));

  return (products) => {
    $("newest").hidden = !products.length;
    const items = new Map(products.map((product) => {
      const key = `${product.id} ${product.imageUrl?.split("?")[0]}`;
      return [key, shown.get(key) ?? card(product, !isFirst)];
    }));
    const focused = document.activeElement;
    list.replaceChildren(...items.values());
    if (focused instanceof HTMLElement && list.contains(focused)) focused.focus({ preventScroll: true });
    shown = items;
    isFirst = isFirst && !products.length;
  };
}

/** @param {Result} product @param {boolean} isNew since the page was opened */
function card({ id, name, imageUrl, price: amount, currency }, isNew) {
  const image = Object.assign(document.createElement("img"), { alt: "", width: 240, height: 300, decoding: "async", loading: "lazy" });
  const frame = made("span", "frame", image);
  image.addEventListener("load", () => fit(frame, image));
  image.addEventListener("error", () => image.replaceWith(made("span", "no-picture", t("card.noPicture"))));
  if (imageUrl) image.src = imageUrl;
  else image.replaceWith(made("span", "no-picture", t("card.noPicture")));
  const link = Object.assign(document.createElement("a"), { href: `./${format({ kind: "product", id })}`, title: name });
  const about = made("span", "about-it", made("span", "name", name));
  if (amount !== null) about.append(made("span", "cost", price(amount, currency)));
  link.append(frame, about);
  if (isNew) link.prepend(made("span", "new", t("newest.new")));
  return made("li", isNew ? "arrived" : "", link);
}
