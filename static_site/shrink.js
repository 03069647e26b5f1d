// Photos are made small on the shopper's device: a phone's 12 megapixels are 4 MB on the wire, and the model looks
// at a few hundred pixels a side. Redrawing also drops the metadata a camera writes, such as the place.

import { kindOf } from "./kinds.js";
import { number, t } from "./texts.js";

const LONGEST_SIDE_PX = 640;
const JPEG_QUALITY = 0.85;
const SMALL_BYTES = 400_000;
// The API refuses a body over 4 MB.
const LARGEST_UPLOAD_BYTES = 4_000_000;

/** A photo that cannot be sent; `message` is the headline, `detail` says what to do. */
export class UnusablePhoto extends Error {
  /**
   * @param {string} message
   * @param {string} detail
   */
  constructor(message, detail) {
    super(message);
    this.detail = detail;
  }
}

/**
 * The photo as it should be sent: upright, at most 640 px a side, transparency laid on white.
 *
 * A small JPEG goes as it is, since encoding it again would only make it differ from itself. So does a photo that
 * this browser cannot read but the service might, as long as the service would take it.
 *
 * @param {File} file
 * @returns {Promise<Blob>}
 * @throws {UnusablePhoto}
 */
export async function shrink(file) {
  const kind = await kindOf(file);
  if (!["photo", "heic"].includes(kind)) throw unusable(kind);
  const bitmap = canvasTellsTheTruth() ? await decoded(file) : null;
  if (!bitmap && kind === "heic") throw unusable(kind); // which the service does not read either
  if (!bitmap) return unchanged(file);
  try {
    const scale = LONGEST_SIDE_PX / Math.max(bitmap.width, bitmap.height);
    if (scale >= 1 && file.type === "image/jpeg" && file.size <= SMALL_BYTES) return file;
    return (await redrawn(bitmap, Math.min(1, scale))) ?? unchanged(file);
  } finally {
    bitmap.close(); // 12 megapixels are 48 MB: do not wait for the garbage collector
  }
}

/**
 * @param {File} file
 * @returns {Promise<ImageBitmap | null>} null where the browser does not read this format
 */
async function decoded(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null; // the only answer to an unknown format, a broken file and a huge one alike
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} scale
 * @returns {Promise<Blob | null>}
 */
function redrawn(bitmap, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) return Promise.resolve(null);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
}

/** @param {string} kind @param {Record<string, string>} [values] */
function unusable(kind, values) {
  return new UnusablePhoto(t(`photo.${kind}`), t(`photo.${kind}Detail`, values));
}

/** @param {File} file */
function unchanged(file) {
  if (file.size > LARGEST_UPLOAD_BYTES) {
    throw unusable("large", { size: number(file.size / 1e6, { maximumFractionDigits: 1 }) });
  }
  return file;
}

/**
 * Whether a canvas gives back what was drawn. Browsers set to resist fingerprinting return noise instead, and
 * searching with noise would find nonsense without a word of why.
 */
function canvasTellsTheTruth() {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return false;
  context.fillStyle = "#20c040";
  context.fillRect(0, 0, 8, 8);
  const { data } = context.getImageData(0, 0, 8, 8);
  // Some browsers move the lowest bits only, which does no harm.
  return data.every((value, i) => Math.abs(value - [0x20, 0xc0, 0x40, 0xff][i % 4]) <= 4);
}
