// What a reload or a discarded tab must not lose, kept by the browser for this tab alone: nothing leaves the device.
//
// The shrunk photos are in sessionStorage. Where the shopper stood is in the history entry, which survives a reload too.

const PREFIX = "photo:";
const PHOTOS_KEPT = 6;
const LARGEST_KEPT_BYTES = 1_000_000; // shrunk photos have a tenth of it; browsers give a site about 5 MB
const REST_MS = 150;

/**
 * Keep a photo for a later `recall`. Where there is no room, older ones make it; where storage is switched off, nothing is kept.
 * @param {string} key of the photo's address; later keys sort after earlier ones
 * @param {Blob} photo as it is sent
 */
export async function remember(key, photo) {
  if (photo.size > LARGEST_KEPT_BYTES) return;
  const url = await dataUrl(photo);
  const store = storage();
  if (!store || !url) return;
  const others = kept(store).filter((name) => name !== PREFIX + key);
  for (const name of others.splice(0, others.length + 1 - PHOTOS_KEPT)) store.removeItem(name);
  for (;;) {
    try {
      store.setItem(PREFIX + key, url);
      return;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      const oldest = others.shift();
      if (oldest === undefined) return; // no room even for one: a reload asks for the photo again
      store.removeItem(oldest);
    }
  }
}

/**
 * @param {string} key
 * @returns {File | null} null where it is not kept
 */
export function recall(key) {
  const [, type, bytes] = /^data:([^;,]*);base64,(.*)$/s.exec(storage()?.getItem(PREFIX + key) ?? "") ?? [];
  if (bytes === undefined) return null;
  try {
    return new File([Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0))], "", { type });
  } catch {
    return null; // not base64: somebody else wrote it
  }
}

/**
 * Note in the history entry how far the page is scrolled, whenever it comes to rest.
 * @param {() => boolean} settled whether what is shown is what the entry stands for: not while an answer is waited for
 */
export function noteScrolling(settled) {
  let timer = 0;
  addEventListener("scroll", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (settled() && history.state) history.replaceState({ ...history.state, scrolled: Math.round(scrollY) }, "");
    }, REST_MS);
  }, { passive: true });
}

/** @param {Storage} store @returns {string[]} names, oldest first */
function kept(store) {
  return Object.keys(store).filter((name) => name.startsWith(PREFIX)).sort();
}

/** @returns {Storage | null} null where the browser's settings forbid it */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/** @param {Blob} blob @returns {Promise<string>} "" where it cannot be read any more */
function dataUrl(blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => resolve("");
    reader.readAsDataURL(blob);
  });
}
