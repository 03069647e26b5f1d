// The photo that is pointed at, by the mouse or by keys: a link is over it, and its name beside it.

import { NONE } from "./levels.js";
import { clamp } from "./view.js";

const NAME_MS = 180; // after which a name is asked for

/**
 * @typedef {object} Named
 * @property {string[]} ids
 * @property {(id: string) => string} addressOf
 * @property {((id: string, signal: AbortSignal) => Promise<string>) | undefined} nameOf
 * @property {(key: string, values?: Record<string, string | number>) => string} t
 *
 * @param {{stage: HTMLElement, link: HTMLAnchorElement, label: HTMLElement, status: HTMLElement}} parts
 * @param {Named} named
 * @param {() => void} changed
 */
export function pointing({ stage, link, label, status }, { ids, addressOf, nameOf, t }, changed) {
  let product = NONE;
  let byMouse = false;
  let isNamed = false;
  let naming = new AbortController();

  /** @param {number} next @param {boolean} isMouse */
  function choose(next, isMouse) {
    const isPointing = next !== NONE && (isMouse || document.activeElement === link);
    byMouse = isMouse;
    stage.classList.toggle("is-pointing", isPointing);
    changed();
    if (next !== product) {
      product = next;
      naming.abort();
      naming = new AbortController();
      isNamed = false;
      link.hidden = next === NONE;
      if (next === NONE) return;
      link.href = addressOf(ids[next]);
      tell(t("map.product", { id: ids[next] }));
    }
    if (isPointing && !isNamed) name(ids[next], naming.signal);
    isNamed ||= isPointing;
  }

  /** @param {string} id @param {AbortSignal} ended */
  async function name(id, ended) {
    await new Promise((done) => setTimeout(done, NAME_MS));
    if (ended.aborted) return;
    const found = await nameOf?.(id, ended).catch(() => ""); // its number does as well
    if (ended.aborted) return;
    if (found) tell(found);
    status.textContent = document.activeElement === link ? label.textContent : "";
    changed();
  }

  /** @param {string} words */
  function tell(words) {
    label.textContent = words;
    link.setAttribute("aria-label", words);
  }

  return {
    choose,
    product: () => product,
    /** Whether keys chose it, or nobody yet. */
    byKeys: () => !byMouse,
    /** The product that stands out, or NONE. */
    raised: () => (stage.classList.contains("is-pointing") ? product : NONE),
    leave: () => byMouse && choose(NONE, true),
    close: () => naming.abort(),
    /** Put link and name where the photo is. @param {import("./view.js").Box} box @param {import("./view.js").Size} size of the map */
    place({ x, y, width, height }, size) {
      link.style.translate = `${x}px ${y}px`;
      link.style.inlineSize = `${width}px`;
      link.style.blockSize = `${height}px`;
      const [half, tall] = [label.offsetWidth / 2 + 4, label.offsetHeight];
      const below = y + height * 1.2 + 6;
      const top = below + tall > size.height ? y - height * 0.2 - tall - 6 : below;
      label.style.translate = `${clamp(x + width / 2, half, Math.max(half, size.width - half))}px ${top}px`;
    },
  };
}
