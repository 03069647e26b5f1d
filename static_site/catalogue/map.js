// The map of the catalogue: loaded as soon as one scrolls near it.

import { product } from "../api.js";
import { style } from "../page.js";
import { add, t } from "../texts.js";

const NEAR = "600px";

let isShown = false;

/** The first call counts. @param {HTMLElement} element to fill */
export function showMap(element) {
  if (isShown) return;
  isShown = true;
  new IntersectionObserver(([{ isIntersecting }], watch) => {
    if (!isIntersecting) return;
    watch.disconnect();
    load(element).catch((error) => {
      if (!(error instanceof TypeError)) throw error;
      element.textContent = `${t("problem.offline")}. ${t("problem.offlineDetail")}`;
    });
  }, { rootMargin: NEAR }).observe(element);
}

/** @param {HTMLElement} element @throws {TypeError} where a file cannot be had */
async function load(element) {
  const [{ mountMap }, { fetchMap }] = await Promise.all([import("../map.js"), import("../map/answer.js"), add("map"), style(["map.css"])]);
  mountMap(element, {
    fetchMap,
    imageAddress: (image) => `/images/${image.split("/").map(encodeURIComponent).join("/")}`,
    nameOf: async (id, signal) => (await product(id, signal)).name,
    t,
  });
}
