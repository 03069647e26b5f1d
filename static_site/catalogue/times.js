// How long ago something was, in words that do not change every second.

/** @type {[Intl.RelativeTimeFormatUnit, number][]} with their seconds */
const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** @param {number} seconds @returns {string} such as "3 minutes ago"; of less than a minute the tens of seconds */
export function ago(seconds) {
  const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  const [unit, length] = UNITS.find(([, least]) => seconds >= least) ?? ["second", 1];
  const count = Math.floor(Math.max(seconds, 0) / length);
  return format.format(-(unit === "second" ? count - (count % 10) : count), unit);
}
