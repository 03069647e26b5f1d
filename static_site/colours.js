// The colours of the page from the three that a shop gives: all others are mixed from them, so that they go together and
// words can be read on them.

/**
 * @typedef {[red: number, green: number, blue: number]} Colour each 0 to 255
 * @typedef {{accent: Colour, background: Colour, text: Colour}} Palette
 */

const READABLE = 4.5; // contrast of text, WCAG 2.2 level AA
/** @type {Colour} */ const WHITE = [255, 255, 255];
/** @type {Colour} */ const BLACK = [0, 0, 0];
/** @type {Record<string, Record<keyof Palette, string>>} as in base.css */
const USUAL = {
  light: { accent: "#0b6e4f", background: "#fafaf8", text: "#1a1d1b" },
  dark: { accent: "#6fd6ac", background: "#121413", text: "#eff1ef" },
};

/** @param {Record<string, any>} colours by scheme, as the shop gives them @returns {string} a style sheet */
export function styleOf({ light, dark }) {
  return `@media not (prefers-color-scheme: dark) { :root { ${rules("light", light)} } }
    @media (prefers-color-scheme: dark) { :root { ${rules("dark", dark)} } }`;
}

/** The style of a colour scheme, "" where the shop has none. @param {string} scheme @param {any} given */
function rules(scheme, given) {
  const usual = /** @type {Palette} */ (palette(USUAL[scheme]));
  const own = palette(given);
  if (!Object.keys(own).length) return "";
  let { background, text, accent } = { ...usual, ...own };
  if (contrast(text, background) < READABLE) ({ background, text } = usual);
  const surface = readable(mix(background, WHITE, luminance(background) > 0.18 ? 0.7 : 0.05), background, text);
  accent = legible(accent, text, [background, surface]);
  const onAccent = contrast(WHITE, accent) >= READABLE ? WHITE : BLACK;
  const soft = legible(mix(text, background, 0.32), text, [background, surface]);
  const values = {
    page: background, ink: text, accent, surface, soft,
    "on-accent": onAccent,
    "accent-strong": mix(accent, onAccent === WHITE ? BLACK : WHITE, 0.25),
    "accent-soft": readable(mix(background, accent, 0.14), background, text),
    edge: mix(background, text, 0.16),
    bone: mix(background, text, 0.08),
  };
  const bar = document.querySelector(`meta[name="theme-color"][media*="${scheme}"]`);
  bar?.setAttribute("content", css(background));
  return Object.entries(values).map(([name, value]) => `--${name}: ${css(value)};`).join(" ");
}

/** @param {any} colours @returns {Partial<Palette>} the colours that are #rrggbb */
function palette(colours) {
  const valid = ["accent", "background", "text"].filter((name) => /^#[0-9a-f]{6}$/i.test(colours?.[name]));
  return Object.fromEntries(valid.map((name) => [name, [1, 3, 5].map((i) => parseInt(colours[name].slice(i, i + 2), 16))]));
}

/** A ground that the text can be read on, or else the other one. @param {Colour} ground @param {Colour} other @param {Colour} text */
function readable(ground, other, text) {
  return contrast(text, ground) < READABLE ? other : ground;
}

/** The colour, as much nearer to the text's as it takes to be read. @param {Colour} colour @param {Colour} text @param {Colour[]} grounds */
function legible(colour, text, grounds) {
  const steps = Array.from({ length: 11 }, (_, i) => mix(colour, text, i / 10));
  return steps.find((step) => grounds.every((ground) => contrast(step, ground) >= READABLE)) ?? text;
}

/** @param {Colour} from @param {Colour} to @param {number} share of `to` @returns {Colour} */
function mix(from, to, share) {
  return /** @type {Colour} */ (from.map((value, i) => Math.round(value + (to[i] - value) * share)));
}

/** @param {Colour} colour */
function css(colour) {
  return `rgb(${colour.join(" ")})`;
}

/** The contrast ratio of WCAG 2.2, 1 to 21. @param {Colour} one @param {Colour} other */
function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** The relative luminance of WCAG 2.2, 0 to 1. @param {Colour} colour */
function luminance(colour) {
  const [red, green, blue] = colour.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
