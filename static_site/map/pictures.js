// Photos on their way and those that are here: a few at a time, the most wanted first, and as many as memory allows.
//
// A photo is asked for with fetch, so that one that left the map is not waited for; it is decoded and made small outside the
// page's thread, and kept with its rounded corners, so that to draw it is to copy pixels.

/**
 * @typedef {{product: number, width: number}} Wish the product whose picture is wanted, and its width in pixels of the screen
 * @typedef {{picture: ImageBitmap | null, width: number, bytes: number}} Kept null where there is none to show
 */

import { SHAPE } from "./levels.js";

const AT_ONCE = 8;
const MOST_BYTES = 64 * 2 ** 20;
const ROUND = 0.13; // of the width

/**
 * @param {(product: number) => string} address
 * @param {() => string} ground the colour behind photos
 * @param {() => void} changed is called when there is something new to draw
 */
export function pictures(address, ground, changed) {
  /** @type {Map<number, Kept>} the least lately drawn first */
  const kept = new Map();
  /** @type {Map<number, AbortController>} */
  const loading = new Map();
  /** @type {Wish[]} */
  let wishes = [];
  let bytes = 0;

  function next() {
    while (loading.size < AT_ONCE) {
      const wish = wishes.shift();
      if (!wish) return;
      if (isWanting(wish) && !loading.has(wish.product)) load(wish);
    }
  }

  /** @param {Wish} wish */
  function isWanting({ product, width }) {
    const there = kept.get(product);
    return !there || (there.picture !== null && there.width < width);
  }

  /** @param {Wish} wish */
  async function load({ product, width }) {
    const control = new AbortController();
    loading.set(product, control);
    try {
      keep(product, await loaded(address(product), width, control.signal), width);
      changed();
    } catch (error) {
      if (!control.signal.aborted) throw error;
    } finally {
      if (loading.get(product) === control) loading.delete(product);
      next();
    }
  }

  /** @param {string} url @param {number} width @param {AbortSignal} signal @returns {Promise<ImageBitmap | null>} */
  async function loaded(url, width, signal) {
    let picture;
    try {
      const response = await fetch(url, { signal, priority: "low" });
      if (!response.ok) return null;
      picture = await createImageBitmap(await response.blob(), { resizeWidth: width, resizeQuality: "medium" });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof TypeError || error instanceof DOMException) return null; // out of reach, or not for this browser
      throw error;
    }
    signal.throwIfAborted();
    return framed(picture, width, ground());
  }

  /** @param {number} product @param {ImageBitmap | null} picture @param {number} width */
  function keep(product, picture, width) {
    drop(product);
    const size = picture ? picture.width * picture.height * 4 : 0;
    kept.set(product, { picture, width, bytes: size });
    bytes += size;
    for (const oldest of kept.keys()) {
      if (bytes <= MOST_BYTES || oldest === product) break;
      drop(oldest);
    }
  }

  /** @param {number} product */
  function drop(product) {
    const old = kept.get(product);
    if (!old) return;
    old.picture?.close();
    bytes -= old.bytes;
    kept.delete(product);
  }

  return {
    /** These are wanted now, the most wanted first, and no others. @param {Wish[]} all */
    want(all) {
      const products = new Set(all.map(({ product }) => product));
      wishes = all.filter(isWanting);
      for (const [product, control] of loading) {
        if (products.has(product)) continue;
        loading.delete(product);
        control.abort();
      }
      next();
    },
    /** @param {number} product @returns {ImageBitmap | null | undefined} null where there is none to show, undefined where it is not here */
    get(product) {
      const there = kept.get(product);
      if (!there) return undefined;
      kept.delete(product);
      kept.set(product, there);
      return there.picture;
    },
    /** Forget all pictures: they are framed anew. */
    clear() {
      for (const product of [...kept.keys()]) drop(product);
    },
    close() {
      wishes = [];
      for (const control of loading.values()) control.abort();
      loading.clear();
      for (const product of [...kept.keys()]) drop(product);
    },
  };
}

/**
 * A photo in a frame with round corners. One of nearly the frame's shape fills it, any other is seen whole; a white background
 * melts into the ground.
 * @param {ImageBitmap} picture @param {number} width of the frame @param {string} ground @returns {ImageBitmap}
 */
function framed(picture, width, ground) {
  const height = Math.round(width * SHAPE);
  const canvas = new OffscreenCanvas(width, height);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const ratio = picture.width / picture.height;
  const scales = [width / picture.width, height / picture.height];
  const scale = Math.abs(ratio - 1 / SHAPE) < 0.07 ? Math.max(...scales) : Math.min(...scales);
  const [across, down] = [picture.width * scale, picture.height * scale];
  pen.roundRect(0, 0, width, height, ROUND * width);
  pen.fillStyle = ground;
  pen.fill();
  pen.clip();
  pen.globalCompositeOperation = "multiply";
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, (width - across) / 2, (height - down) / 2, across, down);
  picture.close();
  return canvas.transferToImageBitmap();
}
