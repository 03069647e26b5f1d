// A search, from its address to its answer. Answers are kept in memory and shown again on the way back.

import * as api from "./api.js";
import * as crop from "./crop.js";
import { remember } from "./memory.js";
import { format } from "./route.js";
import { UnusablePhoto, shrink } from "./shrink.js";
import { t } from "./texts.js";
import * as view from "./view.js";
import * as weights from "./weights.js";

/**
 * @typedef {import("./route.js").Route} Route
 * @typedef {import("./app.js").Photo} Photo
 *
 * @typedef {object} Search
 * @property {Route} route
 * @property {view.Query} query
 * @property {Photo | null} photo
 * @property {api.Answer | null} answer
 */

/** @type {import("./app.js").Module[]} */
const MODULES = [["crop", crop.mount], ["weights", weights.mount], ["filters", mountFilters]];
const KEPT = 30;

/** @param {import("./app.js").Callbacks & {retry: () => void}} callbacks */
export function begin({ retry, ...callbacks }) {
  /** @type {Map<string, Search>} by address, oldest first */
  const searches = new Map();
  /** @type {{search: Search, signal: AbortSignal} | null} */
  let current = null;
  let answered = ""; // the place whose products are in sight
  /** @type {api.Answer | null} */
  let extended = null; // the answer that more products are on their way for
  const slots = MODULES.map(([id, mount]) => mount(/** @type {HTMLElement} */ (document.getElementById(id)), callbacks));
  view.on({
    retry,
    more,
    unfilter: () => callbacks.change({ filters: [] }),
    // Coming back from a product, the shopper should stand where they left: the entry remembers which link it was.
    pick: (href) => history.replaceState({ ...history.state, picked: href }, ""),
  });

  return {
    show,
    /** Another page is shown. */
    leave() {
      answered = "";
    },
  };

  /**
   * @param {Route} route
   * @param {Photo | null} photo
   * @param {{returning: boolean, signal: AbortSignal}} visit `returning` by back or forward
   */
  async function show(route, photo, { returning, signal }) {
    const address = format(route, route.options);
    const known = returning ? searches.get(address) : undefined;
    const search = known ?? { route, query: asking(route, photo), photo, answer: null };
    keep(address, search);
    current = { search, signal };
    const anew = answered !== format(route);
    const filtered = route.options.filters.length > 0;
    const { picked = null, scrolled = 0, shown = 0 } = returning ? history.state : {};
    if (anew) view.openCrop(route.options.crop !== "");
    if (!search.answer) {
      view.showLoading(search.query, anew);
      tell(search, signal);
      try {
        search.answer = await ask(search, signal);
        while (search.answer.results.length < shown && search.answer.next !== null) await extend(search, search.answer, signal);
      } catch (error) {
        if (signal.aborted) return; // another search took the page
        answered = "";
        view.showProblem(search.query, trouble(error), filtered);
        return;
      }
    }
    answered = format(route);
    view.showAnswer(search.query, search.answer, {
      filtered,
      move: anew || returning,
      picked,
      scrolled,
    });
    tell(search, signal);
  }

  /** @param {Search} search @param {AbortSignal} signal */
  async function ask(search, signal) {
    const { route, photo } = search;
    if (photo) {
      photo.upload ??= await shrink(photo.file);
      if (route.kind === "photo") remember(route.key, photo.upload);
      photo.url ||= URL.createObjectURL(photo.upload);
      signal.throwIfAborted();
      search.query.imageUrl = photo.url;
      view.showQuery(search.query);
      tell(search, signal);
    } else if (!search.query.name && route.kind === "product") {
      const [found, answer] = await Promise.all([describe(search, route.id, signal), results(search, 0, signal)]);
      search.query = found;
      return answer;
    }
    return results(search, 0, signal);
  }

  /** @param {Search} search @param {number} offset @param {AbortSignal} signal */
  function results({ route, photo }, offset, signal) {
    const options = { ...route.options, offset };
    if (photo?.upload) return api.searchByPhoto(photo.upload, options, signal);
    return api.similarTo(route.kind === "product" ? route.id : "", options, signal);
  }

  /** @param {Search} search @param {string} id @param {AbortSignal} signal @returns {Promise<view.Query>} */
  async function describe(search, id, signal) {
    const query = { ...(await api.product(id, signal)), isPhoto: false };
    if (current?.search === search) view.showQuery(query);
    return query;
  }

  /** Show the results after those that are shown. */
  async function more() {
    if (!current) return;
    const { search, signal } = current;
    const { answer } = search;
    if (!answer || answer.next === null || extended === answer) return;
    extended = answer;
    view.showMoreWaiting(true);
    try {
      view.showMore(await extend(search, answer, signal), answer.results.length);
      history.replaceState({ ...history.state, shown: search.answer?.results.length }, "");
    } catch (error) {
      extended = null;
      if (!signal.aborted) view.showMoreWaiting(false, `${trouble(error).headline}. ${t("search.moreFailed")}`);
    }
  }

  /** @param {Search} search @param {api.Answer} answer which is not the last page @param {AbortSignal} signal */
  async function extend(search, answer, signal) {
    const page = await results(search, answer.next ?? 0, signal);
    // The catalogue may have changed in between, and moved a product from one page to the next.
    const known = new Set(answer.results.map(({ id }) => id));
    return (search.answer = { ...answer, results: [...answer.results, ...page.results.filter(({ id }) => !known.has(id))], next: page.next });
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

  /** @param {Search} search @param {AbortSignal} signal */
  function tell({ route, query, photo, answer }, signal) {
    for (const slot of slots) slot.show({ route, query, photo: photo?.upload ?? null, answer, signal });
  }

  /** @param {string} address @param {Search} search */
  function keep(address, search) {
    searches.delete(address);
    searches.set(address, search);
    for (const oldest of [...searches.keys()].slice(0, -KEPT)) searches.delete(oldest);
  }
}

/** The filters, which no search waits for: their room is kept. @type {import("./app.js").Module[1]} */
function mountFilters(element, callbacks) {
  const loading = import("./filters.js").then(({ mount }) => mount(element, callbacks));
  /** @type {import("./app.js").Shown | null} */
  let latest = null;
  return {
    async show(shown) {
      latest = shown;
      element.classList.toggle("some", shown.route.options.filters.length > 0);
      const slot = await loading.catch(() => null); // without a connection the search says so
      if (latest === shown) slot?.show(shown);
    },
  };
}

/** @param {unknown} error @returns {view.Trouble} */
function trouble(error) {
  if (error instanceof api.Problem) return { headline: error.message, detail: error.detail, passing: error.passing };
  if (error instanceof UnusablePhoto) return { headline: error.message, detail: error.detail, passing: false };
  console.error(error); // a mistake of this page: say so where a developer looks
  return { headline: t("problem.other"), detail: t("problem.ours"), passing: true };
}
