// The page's state: which search each address stands for, and what happens when the address changes.
//
// Every search is an entry of the browser's history, so back, forward and shared links need no code of their own.
// Answers are kept in memory and shown again on the way back; a photo exists nowhere else, and is gone on reload.

import * as api from "./api.js";
import { takePhotos } from "./intake.js";
import { format, parse } from "./route.js";
import { UnusablePhoto, shrink } from "./shrink.js";
import * as view from "./view.js";

/**
 * @typedef {object} Search
 * @property {view.Query} query
 * @property {File | null} photo as the shopper gave it
 * @property {Blob | null} upload as it is sent
 * @property {string | null} productId
 * @property {api.Answer | null} answer
 */

const SEARCHES_KEPT = 20;
const PHOTO_GONE = "Photos are not stored, so that search cannot be shown again. Choose the photo once more.";

/** @type {Map<string, Search>} by address, oldest first */
const searches = new Map();
let running = new AbortController();

takePhotos((photo) => {
  const address = format({ kind: "photo", key: Date.now().toString(36) });
  const query = { ...api.NOTHING_KNOWN, name: "Your photo", isPhoto: true, imageUrl: "" };
  keep(address, { query, photo, upload: null, productId: null, answer: null });
  location.hash = address;
});
view.onRetry(() => show());
// Coming back from a product, the shopper should stand where they left: the entry remembers which card it was.
view.onPick((id) => history.replaceState({ picked: id }, ""));
addEventListener("hashchange", () => show());
show(true);
api.catalogue().then(view.showCatalogue);

/** Show what the address stands for. @param {boolean} [opening] whether the page has just been opened */
async function show(opening = false) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  // Following a link makes an entry without state; back and forward find the state left here.
  const returning = history.state !== null;
  if (!returning) history.replaceState({}, "");

  const route = parse(location.hash);
  const address = format(route);
  if (route.kind === "home") return view.showHome({ focus: !opening });
  if (route.kind === "photo" && !searches.has(address)) {
    history.replaceState({}, "", "#/");
    return view.showHome({ focus: !opening, notice: PHOTO_GONE });
  }
  if (route.kind === "product" && !(returning && searches.has(address))) keep(address, productSearch(route.id));

  const search = /** @type {Search} */ (searches.get(address));
  if (!search.answer) {
    view.showLoading(search.query);
    try {
      search.answer = await ask(search, signal);
    } catch (error) {
      if (signal.aborted) return; // another search took the page
      view.showProblem(search.query, told(error));
      return;
    }
  }
  view.showAnswer(search.query, search.answer, returning ? history.state.picked : null);
}

/**
 * @param {Search} search
 * @param {AbortSignal} signal
 */
async function ask(search, signal) {
  if (search.photo) {
    search.upload ??= await shrink(search.photo);
    search.query.imageUrl ||= URL.createObjectURL(search.upload);
    signal.throwIfAborted();
    view.showQuery(search.query);
    return api.searchByPhoto(search.upload, signal);
  }
  const id = /** @type {string} */ (search.productId);
  const described = search.query.name ? null : api.product(id, signal).then((found) => {
    search.query = { ...found, isPhoto: false };
    if (!signal.aborted) view.showQuery(search.query);
  });
  const [answer] = await Promise.all([api.similarTo(id, signal), described]);
  return answer;
}

/** @param {string} id @returns {Search} */
function productSearch(id) {
  // A card's product is known already; one opened by its link is asked for.
  const results = [...searches.values()].flatMap((search) => search.answer?.results ?? []);
  const seen = results.find((result) => result.id === id);
  const query = { ...(seen ?? { ...api.NOTHING_KNOWN, name: "", imageUrl: "" }), isPhoto: false };
  return { query, photo: null, upload: null, productId: id, answer: null };
}

/** @param {string} address @param {Search} search */
function keep(address, search) {
  searches.delete(address);
  searches.set(address, search);
  for (const [oldest, { photo, query }] of searches) {
    if (searches.size <= SEARCHES_KEPT) break;
    if (photo && query.imageUrl) URL.revokeObjectURL(query.imageUrl);
    searches.delete(oldest);
  }
}

/** @param {unknown} error @returns {view.Trouble} */
function told(error) {
  if (error instanceof api.Problem) return { headline: error.message, detail: error.detail, passing: error.passing };
  if (error instanceof UnusablePhoto) return { headline: error.message, detail: error.detail, passing: false };
  console.error(error); // a mistake of this page: say so where a developer looks
  return { headline: "Something went wrong", detail: "The fault is ours. Reload the page.", passing: true };
}
