// Searches with a photo by the generated client: node search.js ADDRESS PHOTO. Prints the answers as one line of JSON.
import { readFileSync } from "node:fs";
import { client } from "./client/client.gen.js";
import { getProduct, postSearch } from "./client/index.js";

const [address, photo] = process.argv.slice(2);
client.setConfig({ baseUrl: address });

const query = { k: 2, weights: "shape:2", distinct: true, filter: ["colour:Red,Green", "price:..30"] };
const found = await postSearch({ body: new Blob([readFileSync(photo!)]), query, throwOnError: true });
if (found.data.verdict !== null || found.data.results[0]!.match !== null) throw new Error("three photos were judged by");
const nearest: string = found.data.results[0]!.product_id;
const { name, price } = found.data.results[0]!;
if (name !== "Red Shirt" || price !== 19.9) throw new Error(`the product data says ${name}, ${price}`);
const product = await getProduct({ path: { product_id: nearest }, throwOnError: true });
const refused = await postSearch({ body: new Blob(["Hello"]) });
if (refused.error === undefined || !("detail" in refused.error)) throw new Error("text was taken for a photo");

console.log(
  JSON.stringify({
    products: found.data.results.map((result) => result.product_id),
    keys: product.data.photos.map((item) => item.image_key),
    refused: [refused.response.status, refused.error.detail],
  }),
);
