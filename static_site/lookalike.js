// Search by photo on any shop's page: <lookalike-search>, <lookalike-similar>. See docs/widget.md.
//
// One file without imports: a shop adds one line. Elements are made and styled through the object model, which policies against
// inline styles and markup from scripts allow; words of the catalogue go in as text.

const HOME = new URL(".", import.meta.url).href;
const TIMEOUT_MS = 30_000; // the gateway gives up at the same time

const LANGUAGES = ["en", "de", "es", "fr", "pt"];
/** Words by key, in the order of LANGUAGES. A key with "2" is the line below the headline of that name. */
const TEXTS = new Map(`button|Search by photo|Mit Foto suchen|Buscar por foto|Chercher par photo|Buscar por foto
button2|See what looks most like yours.|Sieh, was ihm am meisten ähnelt.|Mira lo que más se parece.|Voyez ce qui lui ressemble.|Veja o que mais se parece.
take|Take a photo|Foto aufnehmen|Hacer una foto|Prendre une photo|Tirar uma foto
choose|Choose a photo|Foto auswählen|Elegir una foto|Choisir une photo|Escolher uma foto
drop|or drop or paste one|oder ablegen oder einfügen|o suéltala o pégala|ou déposez-la ou collez-la|ou solte ou cole uma
private|Your photo is not stored.|Dein Foto wird nicht gespeichert.|Tu foto no se guarda.|Votre photo n’est pas conservée.|Sua foto não é guardada.
close|Close|Schließen|Cerrar|Fermer|Fechar
back|Back|Zurück|Atrás|Retour|Voltar
busy|Looking…|Suche läuft …|Buscando…|Recherche…|Procurando…
photo|Looks like your photo|Sieht aus wie dein Foto|Se parece a tu foto|Ressemble à votre photo|Parecidos com sua foto
like|More like this|Ähnliche Artikel|Más como este|Articles similaires|Mais como este
none|Nothing found|Nichts gefunden|Nada encontrado|Rien trouvé|Nada encontrado
far|Nothing close|Nichts Ähnliches|Nada parecido|Rien de proche|Nada parecido
far2|These come nearest. Try a photo of it alone.|Das kommt am nächsten. Versuch ein Foto nur davon.|Esto es lo más cercano. Prueba una foto de eso solo.|Voici le plus proche. Essayez une photo de l’objet seul.|Isto é o mais próximo. Tente uma foto só dele.
more|Show more|Mehr zeigen|Ver más|Voir plus|Ver mais
again|Try again|Noch einmal|Reintentar|Réessayer|Tentar de novo
strong|Very close|Sehr ähnlich|Muy parecido|Très proche|Muito parecido
fair|Close|Ähnlich|Parecido|Proche|Parecido
weak|Looser|Entfernt|Algo parecido|Plus éloigné|Um pouco parecido
file|That photo cannot be read|Dieses Foto ist nicht lesbar|No se puede leer esa foto|Cette photo est illisible|Não dá para ler essa foto
file2|Choose a JPEG, PNG or WebP.|Wähle ein JPEG, PNG oder WebP.|Elige un JPEG, PNG o WebP.|Choisissez un JPEG, PNG ou WebP.|Escolha um JPEG, PNG ou WebP.
out|The search is out of reach|Die Suche ist nicht erreichbar|La búsqueda no responde|La recherche est injoignable|A busca não responde
out2|Try again in a moment.|Versuch es gleich noch einmal.|Inténtalo de nuevo en un momento.|Réessayez dans un instant.|Tente de novo em instantes.`
  .split("\n").map((line) => line.split("|")).map(([key, ...words]) => [key, words]));

const ICONS = {
  camera: "M4 7h4l1.5-2h5L16 7h4v12H4zM8.8 12.7a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0-6.4 0",
  close: "M6 6l12 12M18 6L6 18",
  back: "M14.5 5.5L8 12l6.5 6.5",
  like: "M3.5 3.5h12v12h-12zM19 9v11.5H8.5",
};

// The system's colours follow the page's color-scheme. Variables have names that no shop has: with "--lookalike-ink: var(--ink)"
// an --ink of ours would be a circle.
const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { display: inline-block; --l-ink: var(--lookalike-ink, CanvasText); --l-page: var(--lookalike-page, Canvas);
  --l-accent: var(--lookalike-accent, var(--l-ink)); --l-on-accent: var(--lookalike-on-accent, var(--l-page));
  --l-soft: color-mix(in srgb, var(--l-ink) 70%, var(--l-page)); --l-edge: color-mix(in srgb, var(--l-ink) 20%, var(--l-page));
  --l-ground: var(--lookalike-ground, #f1f1ef); --l-round: var(--lookalike-round, 12px) }
:host(lookalike-similar) { display: block }
:host([hidden]), [hidden] { display: none !important }
* { box-sizing: border-box; margin: 0 }
h2 { font-size: 1.375em; line-height: 1.2 }
svg { fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; inline-size: 1.25em; flex: none }
button { align-items: center; background: none; border: 1px solid var(--l-edge); border-radius: 99px; color: inherit; cursor: pointer; display: inline-flex;
  font: inherit; gap: .5em; justify-content: center; min-block-size: 44px; min-inline-size: 44px; padding: .5em 1.25em }
button:not(.round):hover { border-color: currentColor }
.main { background: var(--l-accent); color: var(--l-on-accent) }
.main, .round { border-color: transparent }
.round { padding: 0 }
:focus-visible { outline: 3px solid var(--l-accent); outline-offset: 2px }
h2:focus { outline: none }
.ears { clip-path: inset(50%); inset-block-start: 0; position: absolute }
dialog { background: var(--l-page); border: 0; border-radius: calc(1.5 * var(--l-round)); color: var(--l-ink); font-size: 1rem; font-weight: 400;
  inline-size: min(var(--lookalike-sheet, 64rem), 100vw - 3rem); letter-spacing: normal; line-height: 1.5; margin: auto; max-block-size: 92dvh;
  max-inline-size: none; overscroll-behavior: contain; padding: 0; text-align: start; text-transform: none; white-space: normal }
.small { max-inline-size: 30rem }
dialog::backdrop { background: #0008 }
header { align-items: center; background: var(--l-page); display: flex; gap: .75rem; inset-block-start: 0; padding-block: .75rem; padding-inline: 1.5rem 1rem; position: sticky; z-index: 2 }
header div { flex: 1 }
canvas, header img { block-size: 4rem; inline-size: 4rem; object-fit: contain }
canvas, header img, .frame, .bone p { background: var(--l-ground); border-radius: var(--l-round) }
[part=back]:dir(rtl) { scale: -1 1 }
.body { padding: .25rem 1.5rem 1.5rem }
.intake { border: 2px dashed var(--l-edge); border-radius: var(--l-round); display: grid; gap: .75rem; justify-items: center; padding: 2.5rem 1rem 1.5rem }
.intake > svg { inline-size: 3rem; stroke-width: 1 }
.over .intake { border-color: var(--l-accent) }
.take { display: none }
.cards { display: grid; gap: 0 1rem; grid-template-columns: repeat(auto-fill, minmax(min(10rem, 45%), 1fr)); list-style: none; padding: 0 }
.card { display: grid; font-size: .9375em; gap: 0; grid-row: span 4; grid-template: subgrid / minmax(0, 1fr); line-height: 1.4; padding-block-end: 1.25rem; position: relative }
.frame { aspect-ratio: var(--lookalike-picture, 4 / 5); display: grid; isolation: isolate; margin-block-end: .5rem; overflow: hidden }
.frame img { block-size: 100%; inline-size: 100%; min-block-size: 0; mix-blend-mode: multiply; object-fit: contain }
.name { font-size: inherit; font-weight: 500 }
.name > * { -webkit-box-orient: vertical; -webkit-line-clamp: 2; border: 0; color: inherit; display: -webkit-box; min-block-size: 0; overflow: hidden; overflow-wrap: anywhere;
  padding: 0; text-align: start; text-decoration: none }
.name > ::after { border-radius: var(--l-round); content: ""; inset: 0; position: absolute }
.name > :focus-visible { outline: none }
.name > :focus-visible::after { outline: 3px solid var(--l-accent); outline-offset: -3px }
.card:hover .name > * { text-decoration: underline }
.soft, s, header p { color: var(--l-soft); font-weight: 400 }
.last { display: flex; flex-wrap: wrap; gap: 0 .75em; justify-content: space-between }
.like { background: #fffd padding-box; border-width: 5px; color: #222; inset-block-start: 0; inset-inline-end: 0; position: absolute }
.tries { display: flex; flex-wrap: wrap; gap: .75rem; justify-content: center }
.bone { animation: breathe 1s infinite alternate }
.bone p { block-size: 1em; margin-block-end: .5em }
.strip { grid: repeat(4, auto) / auto-flow var(--lookalike-card, clamp(9rem, 38vw, 12rem)); margin-block-start: .75rem; overflow-x: auto }
@keyframes breathe { to { opacity: .5 } }
@media (pointer: coarse) { .take { display: inline-flex } .drop { display: none } .take + .main { background: none; border-color: var(--l-edge); color: inherit } }
@media (max-width: 40rem) {
  dialog { border-end-end-radius: 0; border-end-start-radius: 0; inline-size: 100vw; margin-block-end: 0 }
  header { padding-inline: 1rem .5rem } .body { padding-inline: 1rem }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important } }
`);

/** Trouble in words: `message` is a key of TEXTS, `cause` the problem details of the API. */
class Trouble extends Error {}

/** An element. What is no property is an attribute, a function listens, and missing children are left out. */
function make(tag, has = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(has)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

function button(name, className, click, ...children) {
  return make("button", { part: name, className, click }, ...children);
}

function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** The address made whole; null for all but web addresses, such as javascript: */
function webUrl(url, base) {
  const whole = url && URL.canParse(url, base) ? new URL(url, base) : null;
  return whole && /^https?:$/.test(whole.protocol) ? whole.href : null;
}

/** The photo upright, on white, at most 640 px a side, as the model looks at fewer; `canvas` shows it. Throws Trouble. */
async function shrink(file) {
  if (file.type && !file.type.startsWith("image/")) throw new Trouble("file");
  const bitmap = await createImageBitmap(file).catch(() => null);
  let photo = file; // which the service may be able to read where this browser is not
  let canvas = null;
  if (bitmap) {
    const scale = Math.min(1, 640 / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    canvas = make("canvas", { width, height, "aria-hidden": "true" });
    const context = canvas.getContext("2d", { alpha: false });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    // A browser that resists fingerprinting gives noise for what was drawn, and noise finds nonsense.
    const honest = context.getImageData(0, 0, 8, 8).data.every((value) => value > 250);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    bitmap.close(); // 12 megapixels are 48 MB
    const small = scale === 1 && file.type === "image/jpeg" && file.size <= 400_000;
    if (honest && !small) photo = (await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85))) ?? file;
  }
  if (photo.size > 4_000_000) throw new Trouble("file"); // the API refuses more
  return { photo, canvas };
}

/** What both elements are: attributes, words, requests and cards. */
class Lookalike extends HTMLElement {
  static observedAttributes = ["endpoint", "filter", "k", "lang", "link", "product"];
  asking = new AbortController();

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
  }

  attributeChangedCallback(name) {
    if (this.isConnected) this.connectedCallback(name);
  }

  /** The language around the element, with its region: it decides how prices are written. */
  get locale() {
    return this.closest("[lang]")?.lang || navigator.language;
  }

  get language() {
    return LANGUAGES.find((language) => language === this.locale.split("-")[0]) ?? "en";
  }

  t(key) {
    return TEXTS.get(key)?.[LANGUAGES.indexOf(this.language)] ?? "";
  }

  money(amount, currency) {
    try {
      return amount.toLocaleString(this.locale, currency ? { style: "currency", currency } : {});
    } catch {
      return `${amount} ${currency ?? ""}`; // no code of ISO 4217, or no language
    }
  }

  get base() {
    return new URL((this.getAttribute("endpoint") || HOME).replace(/\/?$/, "/"), document.baseURI).href;
  }

  /** Ask the API, and give up what was asked before: null where that happened to this request. Throws Trouble. */
  async ask({ photo, id }, offset = 0) {
    this.asking.abort();
    const asking = (this.asking = new AbortController());
    setTimeout(() => asking.abort("late"), TIMEOUT_MS); // which does nothing to an answer that is there
    const url = new URL(photo ? "api/search" : `api/products/${encodeURIComponent(id)}/similar`, this.base);
    url.searchParams.set("k", parseInt(this.getAttribute("k"), 10) || this.k);
    if (offset) url.searchParams.set("offset", offset);
    // Filters stand between semicolons, of which those in quotes are part of a value.
    for (const filter of (this.getAttribute("filter") ?? "").match(/(?:"[^"]*"|[^;"])+/g) ?? []) {
      if (filter.trim()) url.searchParams.append("filter", filter.trim());
    }
    const form = photo && new FormData(); // which needs no preflight request
    form?.append("image", photo);
    try {
      const response = await fetch(url, { method: form ? "POST" : "GET", body: form, signal: asking.signal });
      const answer = await response.json();
      if (answer.results) {
        const { results: products, verdict, search } = answer;
        this.tell("result", { products, verdict, offset, product: id ?? null });
        return { products, far: verdict === "no_good_match", next: search?.next_offset };
      }
      if (response.status === 400) console.warn(this.localName, answer.detail); // such as an unknown filter: the shop's to mend
      throw new Trouble([413, 415, 422].includes(response.status) ? "file" : "out", { cause: answer });
    } catch (error) {
      if (asking.signal.aborted && asking.signal.reason !== "late") return null;
      throw error instanceof Trouble ? error : new Trouble("out", { cause: { detail: String(error) } });
    }
  }

  /** Tell the page; gives whether nothing there prevented the rest. */
  tell(type, detail) {
    return this.dispatchEvent(new CustomEvent(`lookalike-${type}`, { bubbles: true, cancelable: true, composed: true, detail }));
  }

  /** What `find` finds, or the trouble, of which the page is told. */
  async tried(find) {
    try {
      return await find();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.tell("problem", { reason: error.message, ...error.cause });
      return { trouble: error.message };
    }
  }

  picture({ image_url }) {
    const src = webUrl(image_url, this.base);
    const image = src && make("img", { part: "picture", alt: "", loading: "lazy", src });
    image?.addEventListener("error", () => image.remove());
    return image;
  }

  /** A product as a list item. `like` shows what is like it. */
  card(product, like) {
    const { product_id: id, brand, price, currency, match } = product;
    const name = product.name || id;
    const link = this.getAttribute("link")?.replaceAll("{id}", encodeURIComponent(id)) ?? product.link;
    const href = webUrl(link, document.baseURI);
    const click = (event) => {
      if (!this.tell("pick", { product, link: href })) event.preventDefault();
      else if (!href) like?.(product);
    };
    const before = product.attributes?.regular_price;
    return make("li", { part: "card", className: "card" },
      make("div", { part: "frame", className: "frame" }, this.picture(product)),
      make("h3", { part: "name", className: "name" }, make(href ? "a" : "button", { ...(href && { href }), click }, name)),
      make("p", { part: "brand", className: "soft" }, brand),
      make("p", { className: "last" },
        typeof price === "number" && make("b", { part: "price" }, this.money(price, currency), before > price && " ",
          before > price && make("s", {}, this.money(before, currency))),
        match && make("span", { part: "closeness", className: "soft" }, this.t(match))),
      href && like && this.tool("like", () => like(product), name));
  }

  /** A button that is an icon, with words for those who do not see it. */
  tool(name, click, of) {
    const words = this.t(name);
    const made = button(name, `round ${name}`, click, icon(name));
    return Object.assign(made, { title: words, ariaLabel: of ? `${words}: ${of}` : words });
  }

  bones() {
    return Array.from({ length: 5 }, () => make("li", { className: "card bone", "aria-hidden": "true" },
      make("div", { className: "frame" }), make("p"), make("p"), make("p")));
  }
}

/** A button; a sheet that takes a photo and shows the products most like it. */
class LookalikeSearch extends Lookalike {
  k = 10; // fills rows of two and of five
  steps = []; // what was searched, the newest last: {photo, canvas} or {id, product}, with products, far, next or trouble

  constructor() {
    super();
    this.onPaste = (event) => this.take(event.clipboardData, event);
    const drops = {
      dragover: (event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault(); // or the browser opens the file in place of the page
        this.dialog.classList.add("over");
      },
      dragleave: () => this.dialog.classList.remove("over"),
      drop: (event) => this.take(event.dataTransfer, event),
    };
    this.opener = make("button", { part: "button", className: "main", "aria-haspopup": "dialog", click: () => this.show(), ...drops });
    this.heading = make("h2", { part: "heading", id: "heading", tabIndex: -1 });
    this.words = make("p");
    this.lines = make("div", {}, this.heading, this.words);
    this.head = make("header", { part: "header" });
    this.body = make("div", { className: "body" });
    this.status = make("p", { className: "ears", role: "status" });
    this.dialog = make("dialog", { part: "sheet", "aria-labelledby": "heading", ...drops, close: () => this.closed(),
      // What is hit beside all that the dialog holds is its backdrop.
      pointerdown: (event) => event.target === this.dialog && this.dialog.close() }, this.head, this.body, this.status);
    this.shadowRoot.append(this.opener, this.dialog);
  }

  connectedCallback(changed) {
    this.dialog.lang = this.language;
    this.opener.replaceChildren(icon("camera"), make("slot", {}, this.t("button")));
    const step = this.steps.at(-1);
    if (step && ["endpoint", "filter", "k"].includes(changed)) this.find(step);
    else this.render();
  }

  disconnectedCallback() {
    this.dialog.close();
    this.closed();
  }

  /** Open the sheet. */
  show() {
    if (this.dialog.open) return;
    this.dialog.showModal();
    this.heading.focus();
    document.addEventListener("paste", this.onPaste);
  }

  closed() {
    document.removeEventListener("paste", this.onPaste);
    this.asking.abort();
    if (this.steps.at(-1)?.busy) this.back();
  }

  back() {
    this.asking.abort();
    this.steps.pop();
    this.render(true);
  }

  /** Search with what was dropped or pasted. */
  take(from, event) {
    this.dialog.classList.remove("over");
    const file = [...from.files].find(({ type }) => type.startsWith("image/")) ?? from.files[0];
    if (!file) return;
    event.preventDefault();
    this.search(file);
  }

  /** Search with a photo. */
  search(file) {
    this.show();
    this.steps = [];
    return this.find({ file });
  }

  /** Show what is like a step's photo or product. */
  async find(step) {
    if (this.steps.at(-1) !== step) this.steps.push(step);
    Object.assign(step, { busy: true, trouble: null });
    this.render(true);
    const found = await this.tried(async () => {
      if (step.file && !step.photo) Object.assign(step, await shrink(step.file));
      return this.steps.at(-1) === step ? this.ask(step) : null;
    });
    if (this.steps.at(-1) !== step || !found) return;
    Object.assign(step, found, { busy: false });
    this.render(true);
  }

  async more(step, list, button) {
    if (step.adding) return;
    step.adding = true;
    const found = await this.tried(() => this.ask(step, step.next));
    step.adding = false;
    if (!found) return;
    if (found.trouble) {
      button.textContent = this.t("again");
      this.status.textContent = this.t(found.trouble);
      return;
    }
    const cards = found.products.map((product) => this.card(product, this.like));
    list.append(...cards);
    step.products.push(...found.products);
    step.next = found.next;
    cards[0]?.querySelector("a, button").focus({ preventScroll: true }); // before the button goes
    button.hidden = !step.next;
  }

  like = (product) => this.find({ product, id: product.product_id });

  /** Show the newest step, or the way to begin; `move` says it, and moves the focus to its headline. */
  render(move) {
    const step = this.steps.at(-1);
    const { busy, trouble, products, product, canvas, far } = step ?? {};
    const key = !step ? "button" : busy ? "busy" : trouble || (!products.length ? "none" : far ? "far" : product ? "like" : "photo");
    this.heading.textContent = this.t(key);
    this.words.textContent = this.t(`${key}2`) || product?.name || "";
    const back = this.steps.length > 1 && this.tool("back", () => this.back());
    const picture = product ? this.picture(product) : canvas;
    this.head.replaceChildren(...[back, picture, this.lines, this.tool("close", () => this.dialog.close())].filter(Boolean));
    this.dialog.classList.toggle("small", !step || !!trouble);
    this.body.replaceChildren(...(step ? this.outcome(step) : [this.intake()]));
    if (!move) return;
    this.dialog.scrollTop = 0;
    this.heading.focus();
    this.status.textContent = this.t(key);
  }

  intake() {
    return make("div", { part: "intake", className: "intake" }, icon("camera"), this.chooser("take", "main take"), this.chooser("choose", "main"),
      make("p", { className: "soft drop" }, this.t("drop")), make("p", { className: "soft" }, this.t("private")));
  }

  chooser(name, className) {
    const change = () => input.files[0] && this.search(input.files[0]);
    const input = make("input", { type: "file", accept: "image/*", ...(name === "take" && { capture: "environment" }), change });
    return button(name, className, () => input.click(), this.t(name));
  }

  outcome(step) {
    const { busy, trouble, products, next } = step;
    const cards = busy ? this.bones() : trouble ? [] : products.map((product) => this.card(product, this.like));
    const list = make("ul", { part: "results", className: "cards", role: "list" }, ...cards);
    if (busy) return [list];
    const more = button("more", "", () => this.more(step, list, more), this.t("more"));
    const again = button("again", "main", () => this.find(step), this.t("again"));
    return [list, make("p", { className: "tries" }, trouble ? trouble === "out" && again : next && more, this.chooser("choose", ""))];
  }
}

/** A row of the products most like one; nothing at all where there are none. */
class LookalikeSimilar extends Lookalike {
  k = 6;
  // A row that nobody scrolls near asks for nothing.
  watch = new IntersectionObserver(([seen]) => seen.isIntersecting && this.load(), { rootMargin: "400px" });

  connectedCallback() {
    this.disconnectedCallback();
    this.put(this.getAttribute("product") ? this.bones() : []); // as high as the row, so that nothing below it jumps
    this.watch.observe(this);
  }

  disconnectedCallback() {
    this.watch.disconnect();
    this.asking.abort();
  }

  put(cards) {
    const heading = make("h2", { part: "heading", id: "heading" }, make("slot", {}, this.t("like")));
    const list = make("ul", { part: "results", className: "cards strip", role: "list" }, ...cards);
    this.shadowRoot.replaceChildren(cards.length ? make("section", { lang: this.language, "aria-labelledby": "heading" }, heading, list) : "");
  }

  async load() {
    this.watch.disconnect();
    const id = this.getAttribute("product");
    if (!id) return;
    const found = await this.tried(() => this.ask({ id }));
    // The row says "like this": what is far from it has no place there.
    if (found) this.put((found.products ?? []).filter(({ match }) => match !== "weak").map((product) => this.card(product)));
  }
}

// A page may load the module of two addresses.
for (const [name, element] of [["lookalike-search", LookalikeSearch], ["lookalike-similar", LookalikeSimilar]]) {
  if (!customElements.get(name)) customElements.define(name, element);
}
