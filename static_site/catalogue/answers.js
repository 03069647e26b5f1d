// The API's answers to the merchant's questions, checked once, here. A failure is a Problem with words.

import { call, number, result, text } from "../api.js";

/**
 * @typedef {{name: string, weight: number}} Part
 *
 * @typedef {object} Health
 * @property {"ok" | "empty" | "stale"} status
 * @property {string} snapshot
 * @property {number} ageS of the snapshot, when it was answered
 * @property {number} products
 * @property {number} photos
 * @property {number} refused photos, data files and rows
 * @property {{version: string, files: number, changed: Date | null}} data
 * @property {{name: string, fingerprint: string, parts: Part[]}} model
 *
 * @typedef {Record<"waiting" | "flight" | "delayed" | "dead", number | null>} Queue null where it is not known
 *
 * @typedef {object} Refusal
 * @property {string} key
 * @property {string | null} id of the product
 * @property {number | null} line of a row in its data file
 * @property {string} code
 * @property {string} detail
 *
 * @typedef {{total: number, unlisted: number, refusals: Refusal[], after: string | null}} Refused
 *
 * @typedef {import("../api.js").Result} Result
 */

export const NEWEST = 8; // fills rows of four and of eight

/** @param {AbortSignal} signal @returns {Promise<Health>} */
export async function health(signal) {
  const { status, snapshot, snapshot_age_s: ageS, products, photos, rejected, data, model } = await call("health", signal);
  const parts = Array.isArray(model?.parts) ? model.parts : [];
  return {
    status: status === "stale" || status === "empty" ? status : "ok",
    snapshot: text(snapshot) ?? "",
    ageS: number(ageS) ?? 0,
    products: number(products) ?? 0,
    photos: number(photos) ?? 0,
    refused: (number(rejected) ?? 0) + (number(data?.rejected_files) ?? 0) + (number(data?.bad_rows) ?? 0),
    data: { version: text(data?.version) ?? "", files: number(data?.files) ?? 0, changed: date(data?.changed) },
    model: {
      name: text(model?.name) ?? "",
      fingerprint: text(model?.fingerprint) ?? "",
      parts: parts.map((/** @type {any} */ part) => ({ name: String(part?.name), weight: number(part?.weight) ?? 0 })),
    },
  };
}

/** @param {AbortSignal} signal @returns {Promise<Queue>} */
export async function queue(signal) {
  const { waiting, in_flight: flight, delayed, dead_letters: dead } = await call("queue", signal);
  return { waiting: number(waiting), flight: number(flight), delayed: number(delayed), dead: number(dead) };
}

/** @param {AbortSignal} signal @param {string} after "" for the first page @returns {Promise<Refused>} */
export async function refused(signal, after) {
  const found = await call(`rejected${after && `?${new URLSearchParams({ after })}`}`, signal);
  const all = Array.isArray(found.rejected) ? found.rejected : [];
  const refusals = all.map((/** @type {any} */ { key, product_id: id, line, code, detail }) => (
    { key: String(key), id: text(id), line: number(line), code: String(code), detail: text(detail) ?? "" }
  ));
  return { total: number(found.total) ?? 0, unlisted: number(found.unlisted) ?? 0, refusals, after: text(found.next_after) };
}

/** @param {AbortSignal} signal @returns {Promise<Result[]>} the products whose photos were put last */
export async function newest(signal) {
  const { products } = await call(`products?${new URLSearchParams({ order: "newest", k: String(NEWEST) })}`, signal);
  return Array.isArray(products) ? products.map(result) : [];
}

/** @param {unknown} value @returns {Date | null} */
function date(value) {
  const found = new Date(String(value ?? ""));
  return Number.isNaN(found.getTime()) ? null : found;
}
