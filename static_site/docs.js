// The description of the API, made handy: the forms that try a route, samples with the address of this stack, and copying.

const SAMPLE_SERVER = "https://shop.example";

/**
 * An element with text, or with other elements in it.
 * @param {string} tag
 * @param {Record<string, string>} properties
 * @param {...(Node | string)} children
 */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** @param {string} label @param {string} source */
function code(label, source) {
  const pre = element("pre", { tabIndex: 0, role: "group", ariaLabel: label }, element("code", {}, source));
  const figure = element("figure", {}, element("figcaption", {}, label), pre);
  addCopying(figure);
  return figure;
}

/** @param {Element} figure */
function addCopying(figure) {
  if (!navigator.clipboard) return;
  const label = figure.querySelector("pre").ariaLabel;
  const button = element("button", { type: "button", className: "copy", ariaLabel: `Copy: ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(figure.querySelector("code").textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  figure.append(button);
}

/**
 * The address of a form's request.
 * @param {HTMLFormElement} form
 */
function address(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.dataset.in === "path") {
      path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
      continue;
    }
    const values = field.tagName === "TEXTAREA" ? field.value.split("\n") : [field.value];
    for (const value of values.filter((text) => text.trim() !== "")) query.append(field.name, value.trim());
  }
  const text = query.toString();
  return location.origin + path + (text && `?${text}`);
}

/** @param {HTMLFormElement} form */
async function send(form) {
  const url = address(form);
  const photo = form.querySelector("[type=file]")?.files[0];
  const request = photo ? `curl --data-binary @"${photo.name}" \\\n  "${url}"` : `curl "${url}"`;
  const outcome = form.querySelector(".outcome");
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  outcome.replaceChildren(code("Request", request), element("p", {}, "Waiting for the answer."));
  const began = performance.now();
  try {
    const answer = await fetch(url, { method: form.dataset.method, body: photo });
    const text = await answer.text();
    const ms = Math.round(performance.now() - began);
    const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
    const body = isJson ? JSON.parse(text) : null;
    outcome.replaceChildren(
      code("Request", request),
      element("p", {}, `${answer.status} ${answer.statusText} in ${ms} ms`),
      ...pictures(body),
      code("Answer", isJson ? JSON.stringify(body, null, 2) : text),
    );
  } catch (error) {
    outcome.replaceChildren(code("Request", request), element("p", {}, `No answer came: ${error.message}`));
  } finally {
    button.disabled = false;
  }
}

/** The pictures of the products that a search found. */
function pictures(body) {
  const found = (body?.results ?? []).filter((result) => result.image_url.startsWith("/"));
  if (!found.length) return [];
  const list = found.map((result) =>
    element("li", {}, element("img", { src: result.image_url, alt: result.name ?? `Product ${result.product_id}` })),
  );
  return [element("ul", { className: "found" }, ...list)];
}

for (const sample of document.querySelectorAll("figure code")) {
  sample.textContent = sample.textContent.replaceAll(SAMPLE_SERVER, location.origin);
}
document.querySelectorAll("figure").forEach(addCopying);
for (const form of document.querySelectorAll("form.try")) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}
