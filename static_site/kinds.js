// What a file is, by how it begins: names and types are wrong often enough, and telling a shopper why needs the truth.

const HEAD_BYTES = 512;
/** @type {[RegExp, string][]} first bytes, one character each */
const SIGNATURES = [
  [/^(\xff\xd8\xff|\x89PNG|GIF8|BM|II\*\0|MM\0\*|RIFF....WEBP|....ftyp.{0,40}avi[fs])/s, "photo"],
  [/^....ftyp(hei|hev|mif1|msf1)/s, "heic"],
  [/^(....ftyp|\x1aE\xdf\xa3|RIFF....AVI )/s, "video"],
  [/^%PDF/, "pdf"],
  [/<svg[\s>]/i, "svg"],
];
/** @type {[RegExp, string][]} */
const TYPES = [
  [/^image\/hei[cf]/, "heic"],
  [/^image\/svg/, "svg"],
  [/^image\//, "photo"],
  [/^video\//, "video"],
  [/pdf$/, "pdf"],
];

/**
 * @param {Blob} file
 * @returns {Promise<string>} photo, heic, video, pdf, svg, empty, unreadable or other
 */
export async function kindOf(file) {
  let head;
  try {
    head = String.fromCharCode(...new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
  } catch {
    return "unreadable"; // moved or deleted since it was chosen, or a folder
  }
  if (!head) return "empty";
  const [, kind] = SIGNATURES.find(([signature]) => signature.test(head)) ?? TYPES.find(([type]) => type.test(file.type)) ?? [];
  return kind ?? "other";
}
