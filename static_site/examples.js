// The first page without a photo: a few products to start from, and the way to all of them.

import { Problem, list } from "./api.js";
import { fill } from "./page.js";
import { NO_OPTIONS, format } from "./route.js";
import { t } from "./texts.js";

/** @typedef {ReturnType<import("./app.js").Module[1]>} Slot */

const MOST = 8;

/** @param {HTMLElement} element @returns {Slot} */
export function mountExamples(element) {
  let hasSome = true;
  const pictures = document.createElement("ul");
  pictures.className = "examples";
  pictures.setAttribute("role", "list");
  const heading = Object.assign(document.createElement("h2"), { textContent: t("examples.title") });
  const all = Object.assign(document.createElement("a"), { href: format({ kind: "browse" }), textContent: t("examples.all") });

  return {
    async show({ route, signal }) {
      if (route.kind !== "home" || !hasSome) return;
      if (!pictures.childElementCount) pictures.append(...Array.from({ length: MOST }, () => document.createElement("li")));
      element.replaceChildren(heading, all, pictures);
      if (!pictures.querySelector("a")) {
        const some = await asked(signal);
        if (signal.aborted) return; // the next visit asks again
        hasSome = some.length > 0;
        if (!hasSome) return element.replaceChildren();
        pictures.replaceChildren(...some.map(example));
      }
      for (const image of pictures.querySelectorAll("img")) {
        if (!image.hasAttribute("src")) image.src = image.dataset.src ?? "";
        // A search waits for no picture that has gone out of sight.
        signal.addEventListener("abort", () => image.complete || image.removeAttribute("src"));
      }
    },
  };
}

/** @param {AbortSignal} signal @returns {Promise<import("./api.js").Result[]>} none where there is trouble: a message is not worth it */
async function asked(signal) {
  try {
    return (await list(NO_OPTIONS, signal)).products.filter(({ imageUrl }) => imageUrl).slice(0, MOST);
  } catch (error) {
    if (!signal.aborted && !(error instanceof Problem)) throw error;
    return [];
  }
}

/** @param {import("./api.js").Result} product */
function example({ id, name, imageUrl }) {
  const item = document.createElement("li");
  const link = Object.assign(document.createElement("a"), { className: "frame", href: format({ kind: "product", id }), title: name });
  const image = Object.assign(document.createElement("img"), { alt: name, width: 240, height: 300, draggable: false });
  image.addEventListener("error", () => item.remove());
  image.dataset.src = imageUrl ?? "";
  link.append(image);
  item.append(link);
  return item;
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
