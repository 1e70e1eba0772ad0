// How people look: initials on a colour that follows from the name.

export function paint(avatar, name) {
  avatar.textContent = initials(name);
  avatar.style.setProperty("--hue", hueOf(name));
}

// FNV-1a, a short hash that spreads similar names well.
export function hueOf(name) {
  let hash = 0x811c9dc5;
  for (const char of name) {
    hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193) >>> 0;
  }
  return hash % 360;
}

function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? "").join("").toUpperCase();
}
