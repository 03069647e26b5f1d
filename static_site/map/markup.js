// The elements of the map.

const BUTTONS = /** @type {const} */ ([["in", "M12 5v14M5 12h14"], ["out", "M5 12h14"], ["home", "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"]]);

/**
 * The stage is operated as a whole: a screen reader hands it the arrow keys. Its one link is wherever the mouse or the keys are,
 * over the photo, so that it is a link as any other.
 * @param {HTMLElement} element
 * @param {{made: string, total: number, ids: string[]}} answer
 * @param {(key: string, values?: Record<string, string | number>) => string} t
 */
export function build(element, { made, total, ids }, t) {
  const stage = part("div", "map-stage");
  const canvas = /** @type {HTMLCanvasElement} */ (part("canvas", "map-canvas"));
  const link = /** @type {HTMLAnchorElement} */ (part("a", "map-link"));
  const label = part("span", "map-label");
  const hint = part("p", "map-hint", t("map.twoFingers"));
  const help = part("span", "", t("map.help"));
  const status = part("p", "for-ears");
  const buttons = part("div", "map-buttons");
  stage.setAttribute("role", "application");
  stage.setAttribute("aria-label", t("map.label"));
  stage.setAttribute("aria-describedby", "map-help");
  canvas.setAttribute("aria-hidden", "true");
  label.setAttribute("aria-hidden", "true");
  status.setAttribute("role", "status");
  help.id = "map-help";
  link.draggable = false;
  link.hidden = hint.hidden = true;
  buttons.append(...BUTTONS.map(([does, path]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "map-button", title: t(`map.${does}`) });
    button.setAttribute("aria-label", t(`map.${does}`));
    button.dataset.does = does;
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({ class: "icon", viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": true })) icon.setAttribute(name, String(value));
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    icon.append(line);
    button.append(icon);
    return button;
  }));
  stage.append(canvas, link, label, buttons, hint);
  const date = new Date(made);
  const day = Number.isNaN(date.getTime()) ? made : date.toLocaleDateString(document.documentElement.lang || undefined, { dateStyle: "medium" });
  const some = ids.length < total ? `${t("map.some", { count: ids.length, total })} ` : "";
  const foot = part("p", "map-foot");
  foot.append(help, ` ${some}${t("map.made", { day })}`);
  element.replaceChildren(stage, foot, status);
  return { stage, canvas, link, label, status, hint };
}

/** @param {string} tag @param {string} className @param {string} [words] @returns {HTMLElement} */
function part(tag, className, words = "") {
  return Object.assign(document.createElement(tag), { className, textContent: words });
}

/** The colours of the page, for the canvas. @param {HTMLElement} element */
export function paletteOf(element) {
  const style = getComputedStyle(element);
  const value = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return { sea: value("--surface"), land: value("--map-land"), bone: value("--map-bone"), ground: value("--ground"), shadow: value("--map-shadow") };
}
