// The first page without a photo: a few products to start from, and the way to all of them.

import { Problem, list } from "./api.js";
import { fill } from "./page.js";
import { NO_OPTIONS, format } from "./route.js";
import { t } from "./texts.js";

/** @typedef {ReturnType<import("./app.js").Module[1]>} Slot */

const MOST = 8;

/** @param {HTMLElement} element @returns {Slot} */
export function mountExamples(element) {
  let isAsked = false;
  return {
    async show({ route, signal }) {
      if (route.kind !== "home") return;
      // Pictures that are still on their way must not hold up a search: a browser has few connections to one host.
      signal.addEventListener("abort", () => {
        for (const image of element.querySelectorAll("img")) if (!image.complete) image.removeAttribute("src");
      });
      for (const image of element.querySelectorAll("img")) if (!image.hasAttribute("src")) image.src = image.dataset.src ?? "";
      if (isAsked) return;
      isAsked = true;
      const heading = Object.assign(document.createElement("h2"), { textContent: t("examples.title") });
      const all = Object.assign(document.createElement("a"), { href: format({ kind: "browse" }), textContent: t("examples.all") });
      const pictures = Object.assign(document.createElement("ul"), { className: "examples", role: "list" });
      pictures.append(...Array.from({ length: MOST }, () => item("waiting")));
      element.replaceChildren(heading, all, pictures);
      try {
        const { products } = await list(NO_OPTIONS, new AbortController().signal);
        const some = products.filter(({ imageUrl }) => imageUrl).slice(0, MOST);
        pictures.replaceChildren(...some.map((product) => example(product, signal.aborted)));
        if (some.length) return;
      } catch (error) {
        if (!(error instanceof Problem)) throw error; // a first page without examples is worth more than a message
      }
      element.replaceChildren();
    },
  };
}

/** @param {import("./api.js").Result} product @param {boolean} isLeft whether the page shows something else by now */
function example({ id, name, imageUrl }, isLeft) {
  const place = item("");
  const link = Object.assign(document.createElement("a"), { className: "frame", href: format({ kind: "product", id }), title: name });
  const image = Object.assign(document.createElement("img"), { alt: name, width: 240, height: 300, draggable: false });
  image.addEventListener("error", () => place.remove());
  image.dataset.src = imageUrl ?? "";
  if (!isLeft) image.src = image.dataset.src;
  link.append(image);
  place.replaceChildren(link);
  return place;
}

/** @param {string} state */
function item(state) {
  const made = document.createElement("li");
  made.className = state;
  made.append(Object.assign(document.createElement("div"), { className: "frame" }));
  return made;
}

/** The page of all products, loaded when it is wanted. @param {HTMLElement} element @param {import("./app.js").Callbacks} callbacks @returns {Slot} */
export function mountBrowse(element, callbacks) {
  /** @type {Promise<Slot> | undefined} */
  let page;
  return {
    async show(shown) {
      if (shown.route.kind !== "browse") return;
      page ??= import("./browse.js").then(({ mount }) => mount(element, callbacks));
      try {
        const { show } = await page;
        if (!shown.signal.aborted) show(shown);
      } catch (error) {
        if (!(error instanceof TypeError) || element.childElementCount) throw error;
        page = undefined; // a lost connection: the next visit loads it again
        fill(element, `${t("problem.offline")}. ${t("problem.offlineDetail")}`);
      }
    },
  };
}
