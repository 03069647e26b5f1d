// The map of the catalogue: loaded as soon as one scrolls near it.

import { product } from "../api.js";
import { style } from "../page.js";
import { t } from "../texts.js";

const NEAR = "600px";

/** @param {HTMLElement} element to fill */
export function showMap(element) {
  new IntersectionObserver(async ([{ isIntersecting }], watch) => {
    if (!isIntersecting) return;
    watch.disconnect();
    const [{ mountMap }, { fetchMap }] = await Promise.all([import("../map.js"), import("../map/answer.js"), style(["map.css"])]);
    mountMap(element, {
      fetchMap,
      imageAddress: (image) => `/images/${image.split("/").map(encodeURIComponent).join("/")}`,
      nameOf: async (id, signal) => (await product(id, signal)).name,
      t,
    });
  }, { rootMargin: NEAR }).observe(element);
}
