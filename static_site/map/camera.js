// Where one looks now, where one is going, and which level is shown on the way.

/**
 * @typedef {import("./levels.js").Levels} Levels
 * @typedef {import("./view.js").View} View
 */

import { columnsOf } from "./levels.js";
import { bounded, clamp, isSame, levelOf, midway, whole } from "./view.js";

const PACE_MS = 160; // of a zoom by buttons or keys, and of photos that move into their cells
const LONGEST_FRAME_MS = 50; // after a longer pause photos go on from where they were

/**
 * @param {Levels} levels
 * @param {() => void} changed is called where there is something new to draw
 */
export function camera(levels, changed) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const size = { width: 0, height: 0 };
  /** @type {View} */
  let view = { x: 0, y: 0, size: 1 };
  /** @type {{from: View, to: View, begun: number} | null} */
  let way = null;
  let least = 1; // the size of the view where all of the map is seen
  let level = 0;
  let detail = 0;
  let last = 0;

  const goal = () => way?.to ?? view;

  /** @param {View} to @param {boolean} [smoothly] @returns {boolean} whether anything changes */
  function look(to, smoothly = false) {
    const before = goal();
    const target = bounded(to, levels, size);
    const isOther = !isSame(before, target);
    way = smoothly && !still.matches ? { from: view, to: target, begun: performance.now() } : null;
    if (!way) view = target;
    if (isOther) changed();
    return isOther;
  }

  return {
    size,
    look,
    /** Where one is going. */
    goal,
    /** The level there. */
    goalLevel: () => levelOf(goal().size, least, levels.finest, level),
    now: () => ({ view, level, detail }),
    isWhole: () => goal().size <= least * 1.001,
    home: () => look(whole(levels, size), true),

    /** @param {number} width @param {number} height of the map on the page @param {number[]} [kept] where one looked before */
    fit(width, height, kept) {
      const isFirst = !size.width;
      const showsAll = isFirst || view.size <= least * 1.001;
      [size.width, size.height] = [width, height];
      const all = whole(levels, size);
      least = all.size;
      const [x, y, closer] = kept ?? [];
      const columns = columnsOf(levels.finest);
      if (kept && isFirst) look({ x: x * columns, y: y * columns, size: least * closer });
      else look(showsAll ? all : view);
      if (isFirst) detail = level = levelOf(view.size, least, levels.finest);
    },
    /** Where one looks, whatever the size of the window: for `fit`. @returns {number[]} */
    place: () => [goal().x / columnsOf(levels.finest), goal().y / columnsOf(levels.finest), goal().size / least],

    /** @param {number} now in ms @returns {boolean} whether it goes on moving */
    advance(now) {
      const passed = last ? Math.min(now - last, LONGEST_FRAME_MS) / PACE_MS : 0.1;
      if (way) {
        const part = clamp((now - way.begun) / PACE_MS, 0, 1);
        view = midway(way.from, way.to, 1 - (1 - part) ** 3);
        if (part === 1) way = null;
      }
      level = levelOf(view.size, least, levels.finest, level);
      // A fast zoom passes levels by: at most one of them is on its way.
      detail = still.matches ? level : clamp(detail, level - 1, level + 1);
      detail += clamp(level - detail, -passed, passed);
      const moves = way !== null || detail !== level;
      last = moves ? now : 0;
      return moves;
    },
  };
}
