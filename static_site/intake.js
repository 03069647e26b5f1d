// The ways a photo comes in: chosen, taken, dropped, pasted; the last two also by its address.

import { t } from "./texts.js";

/**
 * @param {(photo: File) => void} onPhoto
 * @param {(words: string) => void} onTrouble
 */
export function takePhotos(onPhoto, onTrouble) {
  const give = giver(onPhoto, onTrouble);
  fromButtons(onPhoto);
  fromDrops(give);
  document.addEventListener("paste", (event) => {
    const isTyping = event.target instanceof Element && event.target.closest("input, textarea, [contenteditable]");
    if (!isTyping) give(event.clipboardData, event);
  });
}

/** @param {(photo: File) => void} onPhoto */
function fromButtons(onPhoto) {
  for (const name of ["chooser", "camera"]) {
    const input = /** @type {HTMLInputElement} */ (document.getElementById(name));
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      input.value = ""; // so that choosing the same file again is a change
      if (file) onPhoto(file);
    });
  }
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    // The whole drop zone opens the chooser, a bigger target than its button.
    const camera = target?.closest("[data-camera]");
    const chooser = target?.closest("[data-choose], #drop");
    if (camera) document.getElementById("camera")?.click();
    else if (chooser) document.getElementById("chooser")?.click();
  });
}

/** @param {ReturnType<typeof giver>} give */
function fromDrops(give) {
  const overlay = /** @type {HTMLElement} */ (document.getElementById("dropping"));
  let isOwn = false; // a link of this page that is dragged leads nowhere new
  document.addEventListener("dragstart", () => (isOwn = true));
  document.addEventListener("dragend", () => (isOwn = false));
  const isWanted = (/** @type {DragEvent} */ { dataTransfer }) =>
    !isOwn && ["Files", "text/uri-list"].some((type) => dataTransfer?.types.includes(type));
  document.addEventListener("dragenter", (event) => {
    if (isWanted(event)) overlay.hidden = false;
  });
  // The overlay covers the page, so leaving it is leaving the window: no counting of enters and leaves.
  overlay.addEventListener("dragleave", () => (overlay.hidden = true));
  document.addEventListener("dragover", (event) => {
    if (!isWanted(event)) return;
    event.preventDefault(); // without this the browser opens the file in place of the page
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", (event) => {
    overlay.hidden = true;
    if (!isOwn) give(event.dataTransfer, event);
  });
}

/** @param {(photo: File) => void} onPhoto @param {(words: string) => void} onTrouble */
function giver(onPhoto, onTrouble) {
  return async (/** @type {DataTransfer | null} */ from, /** @type {Event} */ event) => {
    const files = [...(from?.files ?? [])];
    const photo = files.find((file) => file.type.startsWith("image/")) ?? files[0];
    const address = addressIn(from);
    if (!photo && !address) return; // other text: the browser knows what to do
    event.preventDefault();
    const isFolder = [...(from?.items ?? [])].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    if (isFolder && !photo?.type) onTrouble(t("photo.folder"));
    else if (photo) onPhoto(photo);
    else {
      onTrouble(t("address.reading"));
      try {
        const { pictureAt } = await import("./pasted.js");
        onPhoto(await pictureAt(address));
      } catch (error) {
        onTrouble(error instanceof TypeError ? t("problem.offlineDetail") : String(/** @type {Error} */ (error).message));
      }
    }
  };
}

/** @param {DataTransfer | null} from @returns {string} "" where there is anything but one address */
function addressIn(from) {
  const text = from?.getData("text/uri-list") || from?.getData("text/plain") || "";
  const [line = "", ...more] = text.split(/\r?\n/).map((part) => part.trim()).filter((part) => part && !part.startsWith("#"));
  return more.length === 0 && /^https?:\/\/\S+$/i.test(line) && URL.canParse(line) ? line : "";
}
