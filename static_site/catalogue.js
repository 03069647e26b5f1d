// The merchant's page: what the catalogue is like, what is on its way into it, and what could not be used.
//
// Health and queue are asked every few seconds; the rest is asked again where health says that the catalogue has changed. Each panel
// asks for itself, so one route that fails takes none of the others with it.

import { facets as facetsOf } from "./api.js";
import { health, newest, queue } from "./catalogue/answers.js";
import { showFacets } from "./catalogue/facets.js";
import { figure, sinceOpened } from "./catalogue/figures.js";
import { showMap } from "./catalogue/map.js";
import { showModel } from "./catalogue/model.js";
import { newestProducts } from "./catalogue/newest.js";
import { panel } from "./catalogue/panel.js";
import { pending, showQueue } from "./catalogue/queue.js";
import { EVERY_S, refreshing } from "./catalogue/refreshing.js";
import { refusedList } from "./catalogue/refused.js";
import { ago } from "./catalogue/times.js";
import { dress } from "./config.js";
import { $, fill, say } from "./page.js";
import { add, t, translate } from "./texts.js";

await dress();
await Promise.all([add("search"), add("catalogue")]).catch((error) => {
  $("catalogue").textContent = `${t("problem.offline")}. ${t("problem.offlineDetail")}`;
  throw error;
});
translate(document);
document.title = t("catalogue.title");
$("age").textContent = t("catalogue.reading");

const figures = { products: figure("products"), photos: figure("photos"), pending: figure("pending"), refused: figure("refusals") };
const changes = { products: sinceOpened(), photos: sinceOpened() };
const list = refusedList();
/** @type {import("./catalogue/answers.js").Health | null} */
let last = null;
let answeredMs = 0;

const summary = panel(/** @type {HTMLElement} */ (document.querySelector(".summary")), health, (now) => {
  figures.products(now.products, changes.products(now.products));
  figures.photos(now.photos, changes.photos(now.photos));
  figures.refused(now.refused);
  $("begin").hidden = now.photos > 0;
  $("map-panel").hidden = now.photos === 0;
  if (now.photos) showMap($("map"));
  showModel(now);
  if (last && now.photos !== last.photos) {
    const count = Math.abs(now.photos - last.photos);
    say(t(now.photos > last.photos ? "figure.more" : "figure.fewer", { count }));
  }
  answeredMs = Date.now();
});
const line = panel($("queue"), queue, (now) => {
  const dead = now.dead ? t("figure.dead", { count: now.dead }) : null;
  figures.pending(pending(now), dead === null ? null : { seen: dead, said: dead });
  showQueue(now);
});
const rest = [
  panel($("newest"), newest, newestProducts()),
  panel($("refused"), list.question, list.show),
  panel($("facets"), (signal) => facetsOf([], signal), (found) => {
    showFacets(found.facets);
    if (!found.products && !found.facets.length) $("facets").hidden = true;
  }),
];

let isFirst = true;
const { pause } = refreshing(async (signal) => {
  const asked = summary.ask(signal).finally(() => $("catalogue").classList.remove("unread"));
  const counted = line.ask(signal).finally(() => $("pair").classList.remove("unread"));
  const early = isFirst ? rest : []; // at first no answer waits for another
  isFirst = false;
  const answers = [counted, ...early.map((part) => part.ask(signal))];
  const now = await asked;
  const isChanged = now !== null && last !== null && (now.snapshot !== last.snapshot || now.data.version !== last.data.version);
  last = now ?? last;
  showAge();
  const again = rest.filter((part) => !early.includes(part) && (isChanged || !part.isAnswered()));
  await Promise.all([...answers, ...again.map((part) => part.ask(signal))]);
});
setInterval(showAge, 1000);

let isPaused = false;
const button = $("pause");
button.addEventListener("click", () => {
  isPaused = !isPaused;
  pause(isPaused);
  showRhythm();
  say($("rhythm").textContent ?? "");
});
showRhythm();
button.hidden = false;
$("catalogue").classList.remove("unspoken");
$("refused-more").addEventListener("click", () => list.more(() => rest[1].ask(new AbortController().signal)));

function showRhythm() {
  button.textContent = t(isPaused ? "catalogue.resume" : "catalogue.pause");
  $("rhythm").textContent = isPaused ? t("catalogue.paused") : t("catalogue.live", { count: EVERY_S });
  $("live").classList.toggle("paused", isPaused);
}

/** How old the figures are: the age of the snapshot when it was answered, and the time since. */
function showAge() {
  if (!last) return;
  const time = ago(last.ageS + (Date.now() - answeredMs) / 1000);
  const words = t("catalogue.asOf", { time });
  if ($("age").textContent !== words) $("age").textContent = words;
  fill($("stale"), last.status === "stale" ? t("catalogue.stale", { time }) : null);
}
