// The map as the API answers it.

/** @typedef {{made: string, total: number, ids: string[], images: string[], x: number[], y: number[]}} Answer `images` are keys below images/ */

import { Problem, call } from "../api.js";

/** @param {AbortSignal} signal @returns {Promise<Answer | null>} null where there is none yet */
export async function fetchMap(signal) {
  try {
    const found = await call("map", signal);
    const { ids, images, x, y } = found;
    if (![ids, images, x, y].every((some) => Array.isArray(some) && some.length === ids.length)) return null;
    return ids.length ? found : null;
  } catch (error) {
    if (error instanceof Problem && error.slug === "no-map") return null;
    throw error;
  }
}
