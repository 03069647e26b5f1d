// The page's state: what each address stands for, and what happens when the address changes.
//
// Every search is an entry of the browser's history, so back, forward and shared links need no code of their own. What a
// search needs, words too, is loaded at the first sign of use, while the shopper looks for a photo: the first page is there
// sooner.

import { catalogueSize } from "./api.js";
import { dress } from "./config.js";
import { mountBrowse, mountExamples } from "./examples.js";
import { takePhotos } from "./intake.js";
import { noteScrolling, recall } from "./memory.js";
import { $, notify, showCatalogue, showHome, speak, style } from "./page.js";
import { format, parse } from "./route.js";
import { add, t, translate } from "./texts.js";

/**
 * @typedef {import("./route.js").Route} Route
 *
 * @typedef {{file: File, upload: Blob | null, url: string}} Photo as the shopper gave it, as it is sent, and to look at
 *
 * @typedef {object} Shown what a module in a slot of the page is told: at first, and again once there is a photo or an answer
 * @property {Route} route with the options of the search
 * @property {import("./view.js").Query | null} query null where nothing is searched with
 * @property {Blob | null} photo as it is sent
 * @property {import("./api.js").Answer | null} answer null while there is none
 * @property {AbortSignal} signal aborted as soon as the page shows something else
 *
 * @typedef {object} Callbacks what a module in a slot can do
 * @property {(options: Partial<import("./route.js").Options>, replace?: boolean) => void} change search again with other
 *   options; `replace` makes no entry of the history
 * @property {(photo: File) => void} search with a photo
 *
 * @typedef {[id: string, mount: (element: HTMLElement, callbacks: Callbacks) => {show: (shown: Shown) => void}]} Module
 */

/** @type {Module[]} those of the first page and of browsing; those of a search are in search.js */
const MODULES = [["examples", mountExamples], ["browse", mountBrowse]];
const STYLES = ["results.css", "filters.css", "crop.css", "weights.css"]; // of a search and of browsing
// What search.js imports, and what that imports: asked for together, they are there after one round trip instead of three.
const PARTS = ["view", "card", "details", "shrink", "kinds", "crop", "weights"];
const PHOTOS_KEPT = 20;
/** @type {Map<string, Photo>} by the key of its address, oldest first */
const photos = new Map();
const callbacks = { change, search: searchWith };
let running = new AbortController();
/** @type {Promise<ReturnType<import("./search.js").begin>> | undefined} */
let beginning;
/** @type {Promise<unknown> | undefined} */
let dressing;

await dress();
speak();
const slots = MODULES.map(([id, mount]) => mount(/** @type {HTMLElement} */ (document.getElementById(id)), callbacks));
takePhotos(searchWith, notify);
noteScrolling(() => $("search").hidden || $("outcome").ariaBusy !== "true");
for (const sign of ["pointerdown", "keydown", "dragenter", "paste"]) addEventListener(sign, () => search(), { once: true });
addEventListener("hashchange", () => show());
show(true);
catalogueSize().then(showCatalogue);

function search() {
  beginning ??= Promise.all([import("./search.js"), dressed(), ...PARTS.map((name) => import(`./${name}.js`))])
    .then(([{ begin }]) => begin({ ...callbacks, retry: () => show() }));
  beginning.catch(() => (beginning = undefined)); // a lost connection: the next try loads it again
  return beginning;
}

/** Style sheets and words of a search and of browsing. */
function dressed() {
  dressing ??= Promise.all([add("search").then(() => translate(document)), style(STYLES)]);
  dressing.catch(() => (dressing = undefined));
  return dressing;
}

/** @param {File} file */
function searchWith(file) {
  const key = Date.now().toString(36);
  keep(key, { file, upload: null, url: "" });
  location.hash = format({ kind: "photo", key });
}

/** @param {string} key @param {Photo} photo */
function keep(key, photo) {
  photos.set(key, photo);
  for (const [oldest, { url }] of [...photos].slice(0, -PHOTOS_KEPT)) {
    URL.revokeObjectURL(url);
    photos.delete(oldest);
  }
}

/** The photo of an address: after a reload, the one that the browser kept. @param {string} key @returns {Photo | null} */
function photoOf(key) {
  const file = photos.has(key) ? null : recall(key);
  if (file) keep(key, { file, upload: file, url: URL.createObjectURL(file) });
  return photos.get(key) ?? null;
}

/** @type {Callbacks["change"]} */
function change(options, replace = false) {
  const route = parse(location.hash);
  const address = format(route, { ...route.options, ...options });
  if (address === format(route, route.options)) return;
  if (!replace) {
    location.hash = address;
    return;
  }
  history.replaceState(null, "", address);
  show();
}

/** Show what the address stands for. @param {boolean} [opening] whether the page has just been opened */
async function show(opening = false) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  // Following a link makes an entry without state; back and forward find the state left here.
  const returning = history.state !== null;
  if (!returning) history.replaceState({}, "");

  let route = parse(location.hash);
  const photo = route.kind === "photo" ? photoOf(route.key) : null;
  const gone = route.kind === "photo" && !photo;
  if (gone) {
    history.replaceState({}, "", "#/");
    route = parse("");
  }
  const isSearch = route.kind === "photo" || route.kind === "product";
  history.scrollRestoration = isSearch ? "manual" : "auto"; // a browser would scroll before the answer is there
  if (!isSearch) beginning?.then(({ leave }) => leave(), () => {});
  try {
    if (isSearch) {
      const searching = await search();
      if (!signal.aborted) await searching.show(route, photo, { returning, signal });
      return;
    }
    if (route.kind === "browse") await dressed();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    showHome({ browse: false, focus: false, notice: `${t("problem.offline")}. ${t("problem.offlineDetail")}` });
    return;
  }
  if (signal.aborted) return;
  showHome({ browse: route.kind === "browse", focus: !opening, notice: gone ? t("photo.gone") : "" });
  for (const slot of slots) slot.show({ route, query: null, photo: null, answer: null, signal });
}
