// Colour maps as tables of 256 colours, from 32 colours each (inferno and viridis: CC0, by
// N. Smith, S. van der Walt and E. Firing; red-blue: ColorBrewer, Apache 2.0).
const STOPS = {
  inferno:
    "0000030302120a0723140b36220b4c300a5c3e09664b0c6b5a116d66156e731a6d801f6b8e24689b2864" +
    "a72d5fb43358c13a50cc4148d64a3fdf5436e8612bef6d21f47a16f8880cfb9906fba80dfbb71cf9c72f" +
    "f5d948f1e864f2f485fcfea4",
  viridis:
    "440154460c5f47186a482273462d7c4437814141863d4a8939548b355c8c31648d2e6c8e2a758e277c8e" +
    "24848d228b8d1f948b1e9b891fa38624aa822eb27c39b97647c06e57c6656bcd597ed24e92d741a7db33" +
    "bfdf24d4e11ae9e419fde724",
  grey:
    "0000000808081010101818182020202828283030303838384141414949495151515959596363636b6b6b" +
    "7373737b7b7b8383838c8c8c9393939c9c9ca5a5a5adadadb5b5b5bdbdbdc6c6c6cececed6d6d6dedede" +
    "e7e7e7efefeff7f7f7ffffff",
  difference:
    "0530610d40781651901f62a72b73b23581b9408fc1559ec971b0d28ac0db9fcbe1b3d5e7c9e1edd8e8f1" +
    "e4eef3f0f3f5f8f2eef9e9dffbe0d0fbd4bef8c1a6f5b090f19e7ce7886cdd7059d35a4ac7433fbc2d34" +
    "ad162a960f267e072267001f",
};

const channel = (name, stop, part) =>
  parseInt(STOPS[name].slice(6 * stop + 2 * part, 6 * stop + 2 * part + 2), 16);

/** Table of 256 colours as bytes (r, g, b), by name. */
export function colorTable(name) {
  const table = new Uint8ClampedArray(256 * 3);
  for (let level = 0; level < 256; level += 1) {
    const place = (level / 255) * 31;
    const below = Math.min(30, Math.floor(place));
    for (let part = 0; part < 3; part += 1) {
      const low = channel(name, below, part);
      const high = channel(name, below + 1, part);
      table[3 * level + part] = low + (place - below) * (high - low);
    }
  }
  return table;
}
