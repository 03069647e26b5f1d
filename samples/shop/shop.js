// The shop's own script: what the page of a product shows, asked of the endpoint, and a bag that remembers nothing.

const ENDPOINT = "http://127.0.0.1:8000";

async function showProduct(id) {
  const response = await fetch(`${ENDPOINT}/api/products/${encodeURIComponent(id)}`);
  const { name, price, currency, photos } = await response.json();
  document.querySelector("#name").textContent = name ?? id;
  document.title = `${name ?? id} · Marlow & Fen`;
  if (price) document.querySelector("#price").textContent = price.toLocaleString("en", { style: "currency", currency: currency ?? "EUR" });
  if (photos?.length) document.querySelector("#picture").src = new URL(photos[0].image_url, ENDPOINT);
}

const id = new URLSearchParams(location.search).get("id");
const similar = document.querySelector("#similar");
if (similar && id) {
  similar.setAttribute("product", id);
  showProduct(id);
}

document.querySelector(".buy")?.addEventListener("click", ({ target }) => (target.textContent = "In your bag"));

// What the shop learns of its search: a place for its own statistics.
document.addEventListener("lookalike-pick", ({ detail }) => sessionStorage.setItem("picked", detail.product.product_id));
