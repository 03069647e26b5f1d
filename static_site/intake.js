// The four ways a photo comes in: chosen, taken, dropped, pasted.

/**
 * @param {(photo: File) => void} onPhoto
 */
export function takePhotos(onPhoto) {
  fromButtons(onPhoto);
  fromDrops(onPhoto);
  document.addEventListener("paste", (event) => give(event.clipboardData, onPhoto, event));
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

/** @param {(photo: File) => void} onPhoto */
function fromDrops(onPhoto) {
  const overlay = /** @type {HTMLElement} */ (document.getElementById("dropping"));
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (hasFiles(event)) overlay.hidden = false;
  });
  // The overlay covers the page, so leaving it is leaving the window: no counting of enters and leaves.
  overlay.addEventListener("dragleave", () => (overlay.hidden = true));
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // without this the browser opens the file in place of the page
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", (event) => {
    overlay.hidden = true;
    give(event.dataTransfer, onPhoto, event);
  });
}

/**
 * @param {DataTransfer | null} from
 * @param {(photo: File) => void} onPhoto
 * @param {Event} event
 */
function give(from, onPhoto, event) {
  const files = [...(from?.files ?? [])];
  const photo = files.find((file) => file.type.startsWith("image/")) ?? files[0];
  if (!photo) return; // text was pasted, a link was dropped: the browser knows what to do
  event.preventDefault();
  onPhoto(photo);
}
