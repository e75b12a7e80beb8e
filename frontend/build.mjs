// Builds what browsers load: one style sheet and our modules, into the folder given.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(process.argv[2] ?? join(here, "../src/chaindeck/control/static/built"));
const run = promisify(execFile);

// Files are named after what they hold, so that a browser may keep them for ever.
async function nameByContent(folder, file) {
  const hash = createHash("sha256").update(await readFile(join(folder, file))).digest("hex");
  const dot = file.indexOf(".");
  const named = `${file.slice(0, dot)}-${hash.slice(0, 10)}${file.slice(dot)}`;
  await rename(join(folder, file), join(folder, named));
  return named;
}

const entries = (await readdir(join(here, "js")))
  .filter((name) => name.endsWith(".js") && !name.startsWith("_"))
  .map((name) => join(here, "js", name));

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await Promise.all([
  ...["icons.svg", "logo.svg"].map((name) => copyFile(join(here, name), join(target, name))),
  build({
    entryPoints: entries,
    outdir: target,
    bundle: true,
    format: "esm",
    minify: true,
    legalComments: "none",
    target: ["chrome111", "firefox113", "safari16.4"],
  }),
  run(
    process.execPath,
    [
      join(here, "node_modules/@tailwindcss/cli/dist/index.mjs"),
      "--input", join(here, "css/app.css"),
      "--output", join(target, "app.css"),
      "--minify",
    ],
    { cwd: here },
  ),
]);

const manifest = {};
for (const file of (await readdir(target)).sort()) {
  // Other sites name this one in their own pages, so its name stays.
  manifest[file] = file === "chaindeck-live.js" ? file : await nameByContent(target, file);
}
await writeFile(join(target, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
