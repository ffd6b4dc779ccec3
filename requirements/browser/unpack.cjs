// Decompresses what npm unpacked into FOLDER/node_modules: `node unpack.cjs FOLDER`.
const { brotliDecompressSync } = require("node:zlib");
const { mkdirSync, readdirSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const folder = process.argv[2];
const packed = join(folder, "node_modules/@sparticuz/chromium/bin");
mkdirSync(join(folder, "unpacked"), { recursive: true });
for (const name of readdirSync(packed).filter((name) => name.endsWith(".br"))) {
  const content = brotliDecompressSync(readFileSync(join(packed, name)));
  writeFileSync(join(folder, "unpacked", name.slice(0, -".br".length)), content, { mode: 0o755 });
}
