// The page's state: which search each address stands for, and what happens when the address changes.
//
// Every search is an entry of the browser's history, so back, forward and shared links need no code of their own.
// Answers are kept in memory and shown again on the way back.

import * as api from "./api.js";
import { takePhotos } from "./intake.js";
import { format, parse } from "./route.js";
import { UnusablePhoto, shrink } from "./shrink.js";
import { t } from "./texts.js";
import * as view from "./view.js";

/**
 * @typedef {import("./route.js").Route} Route
 *
 * @typedef {{file: File, upload: Blob | null, url: string}} Photo as the shopper gave it, as it is sent, and to look at
 *
 * @typedef {object} Search
 * @property {Route} route
 * @property {view.Query} query
 * @property {Photo | null} photo
 * @property {api.Answer | null} answer
 *
 * @typedef {object} Shown what a module in a slot of the page is told: at first, and again once there is a photo or an answer
 * @property {Route} route with the options of the search
 * @property {view.Query | null} query null where nothing is searched with
 * @property {Blob | null} photo as it is sent
 * @property {api.Answer | null} answer null while there is none
 * @property {AbortSignal} signal aborted as soon as the page shows something else
 *
 * @typedef {object} Callbacks what a module in a slot can do
 * @property {(options: Partial<import("./route.js").Options>, replace?: boolean) => void} change search again with other
 *   options; `replace` makes no entry of the history
 * @property {(photo: File) => void} search with a photo
 *
 * @typedef {{show: (shown: Shown) => void}} Slot
 */

const KEPT = 20;
/** @type {[id: string, mount: (element: HTMLElement, callbacks: Callbacks) => Slot][]} */
const MODULES = [];

/** @type {Map<string, Photo>} by the key of its address, oldest first */
const photos = new Map();
/** @type {Map<string, Search>} by address, oldest first */
const searches = new Map();
/** @type {Search | null} */
let current = null;
let running = new AbortController();

view.speak();
const slots = MODULES.map(([id, mount]) => mount(/** @type {HTMLElement} */ (document.getElementById(id)), { change, search: searchWith }));
const croppable = MODULES.some(([id]) => id === "crop");
takePhotos(searchWith);
view.on({
  retry: () => show(),
  more,
  unfilter: () => change({ filters: [] }),
  // Coming back from a product, the shopper should stand where they left: the entry remembers which card it was.
  pick: (id) => history.replaceState({ ...history.state, picked: id }, ""),
});
addEventListener("hashchange", () => show());
show(true);
api.catalogueSize().then(view.showCatalogue);

/** @param {File} file */
function searchWith(file) {
  const key = Date.now().toString(36);
  keep(photos, key, { file, upload: null, url: "" }, ({ url }) => URL.revokeObjectURL(url));
  location.hash = format({ kind: "photo", key });
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

  const route = parse(location.hash);
  if (route.kind === "home" || route.kind === "browse") {
    current = null;
    view.showHome({ browse: route.kind === "browse", focus: !opening });
    return tell({ route, query: null, photo: null, answer: null, signal });
  }
  const address = format(route, route.options);
  const kept = returning ? searches.get(address) : undefined;
  const photo = route.kind === "photo" ? photos.get(route.key) ?? null : null;
  if (route.kind === "photo" && !photo) {
    history.replaceState({}, "", "#/");
    current = null;
    view.showHome({ browse: false, focus: !opening, notice: t("photo.gone") });
    return tell({ route: parse("#/"), query: null, photo: null, answer: null, signal });
  }

  const before = current;
  const anew = !before?.answer || format(before.route) !== format(route);
  const search = kept ?? { route, query: asking(route, photo), photo, answer: null };
  current = search;
  keep(searches, address, search);
  if (!search.answer) {
    view.showLoading(search.query, anew);
    told(search, signal);
    try {
      search.answer = await ask(search, signal);
    } catch (error) {
      if (signal.aborted) return; // another search took the page
      view.showProblem(search.query, trouble(error));
      return;
    }
  }
  view.showAnswer(search.query, search.answer, {
    ...how(search),
    move: anew || returning,
    picked: returning ? history.state.picked : null,
  });
  told(search, signal);
}

/**
 * @param {Search} search
 * @param {AbortSignal} signal
 */
async function ask(search, signal) {
  const { route, photo } = search;
  if (photo) {
    photo.upload ??= await shrink(photo.file);
    photo.url ||= URL.createObjectURL(photo.upload);
    signal.throwIfAborted();
    search.query.imageUrl = photo.url;
    view.showQuery(search.query);
    told(search, signal);
    return api.searchByPhoto(photo.upload, route.options, signal);
  }
  const id = route.kind === "product" ? route.id : "";
  const described = search.query.name ? null : api.product(id, signal).then((found) => {
    search.query = { ...found, isPhoto: false };
    if (!signal.aborted) view.showQuery(search.query);
  });
  const [answer] = await Promise.all([api.similarTo(id, route.options, signal), described]);
  return answer;
}

/** Show the results after those that are shown. */
async function more() {
  const search = /** @type {Search} */ (current);
  const { answer, photo, route } = search;
  const { signal } = running;
  if (answer?.next == null) return;
  const options = { ...route.options, offset: answer.next };
  view.showMoreWaiting(true);
  try {
    const page = photo?.upload
      ? await api.searchByPhoto(photo.upload, options, signal)
      : await api.similarTo(route.kind === "product" ? route.id : "", options, signal);
    // The catalogue may have changed in between, and moved a product from one page to the next.
    const shown = new Set(answer.results.map(({ id }) => id));
    const results = [...answer.results, ...page.results.filter(({ id }) => !shown.has(id))];
    search.answer = { ...answer, results, next: page.next };
    view.showMore(search.answer, answer.results.length);
  } catch (error) {
    if (!signal.aborted) view.showMoreWaiting(false, `${trouble(error).headline}. ${t("search.moreFailed")}`);
  }
}

/** @param {Route} route @param {Photo | null} photo @returns {view.Query} */
function asking(route, photo) {
  if (photo) return { ...api.NOTHING_KNOWN, name: t("search.yourPhoto"), isPhoto: true, imageUrl: photo.url };
  // A card's product is known already; one opened by its link is asked for.
  const id = route.kind === "product" ? route.id : "";
  const known = [...searches.values()].flatMap(({ answer, query, route: of }) => [
    ...(answer?.results ?? []),
    ...(of.kind === "product" && query.name ? [{ ...query, id: of.id }] : []),
  ]);
  const seen = known.find((result) => result.id === id);
  return { ...(seen ?? { ...api.NOTHING_KNOWN, name: "", imageUrl: "" }), isPhoto: false };
}

/** @param {Search} search */
function how({ route, photo }) {
  return { filtered: route.options.filters.length > 0, croppable: croppable && photo !== null };
}

/** @param {Search} search @param {AbortSignal} signal */
function told({ route, query, photo, answer }, signal) {
  tell({ route, query, photo: photo?.upload ?? null, answer, signal });
}

/** @param {Shown} shown */
function tell(shown) {
  for (const slot of slots) slot.show(shown);
}

/**
 * @template T
 * @param {Map<string, T>} map
 * @param {string} key
 * @param {T} value
 * @param {(value: T) => void} [drop]
 */
function keep(map, key, value, drop) {
  map.delete(key);
  map.set(key, value);
  for (const [oldest, old] of map) {
    if (map.size <= KEPT) break;
    drop?.(old);
    map.delete(oldest);
  }
}

/** @param {unknown} error @returns {view.Trouble} */
function trouble(error) {
  if (error instanceof api.Problem) return { headline: error.message, detail: error.detail, passing: error.passing };
  if (error instanceof UnusablePhoto) return { headline: error.message, detail: error.detail, passing: false };
  console.error(error); // a mistake of this page: say so where a developer looks
  return { headline: t("problem.other"), detail: t("problem.ours"), passing: true };
}
