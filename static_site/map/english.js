// The words of the map, in English; the other languages are in texts/map/.

export const ENGLISH = {
  "map.label": "Map of the catalogue",
  "map.help": "Products that look alike are near each other. Drag to look around, turn the wheel to come closer, press a photo to search with it. On the keyboard: arrow keys, + and −, Home for all of it, Enter.",
  "map.waiting": "The map is being read…",
  "map.none": "There is no map yet. It is drawn as soon as the catalogue has 16 photos, within the hour.",
  "map.again": "Try again",
  "map.in": "Closer",
  "map.out": "Farther away",
  "map.home": "All of the map",
  "map.product": "Product {id}",
  "map.some": "{count} of {total} products, chosen at random.",
  "map.made": "Drawn on {day}.",
  "map.twoFingers": "Move the map with two fingers",
};
