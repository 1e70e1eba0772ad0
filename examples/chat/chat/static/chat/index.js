import { hueOf } from "./people.js";

for (const tile of document.querySelectorAll("[data-hue]")) {
  tile.style.setProperty("--hue", hueOf(tile.dataset.hue));
}
