// A picture by its address, where its host and the policy of this page allow to read it.

import { t } from "./texts.js";

const TIMEOUT_MS = 15_000;

/**
 * @param {string} address of the web
 * @returns {Promise<File>}
 * @throws {Error} with words for the shopper
 */
export async function pictureAt(address) {
  const { host, pathname } = new URL(address);
  let response, blob;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer", signal });
    blob = await response.blob();
  } catch {
    throw new Error(t("address.unreadable", { host })); // the browser does not tell a policy from a lost connection
  }
  if (!response.ok) throw new Error(t("address.missing", { host }));
  if (!blob.type.startsWith("image/")) throw new Error(t("address.other", { host }));
  return new File([blob], pathname.split("/").at(-1) ?? "", { type: blob.type });
}
