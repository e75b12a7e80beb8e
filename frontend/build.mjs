// Builds what browsers load: one style sheet and our modules, into the folder given. Whoever reads
// that folder meanwhile finds all of the former build or all of this one.
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
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

async function namesIn(folder) {
  const text = await readFile(join(folder, "manifest.json"), "utf8").catch((error) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  return Object.values(JSON.parse(text));
}

async function buildInto(folder) {
  const entries = (await readdir(join(here, "js")))
    .filter((name) => name.endsWith(".js") && !name.startsWith("_"))
    .map((name) => join(here, "js", name));
  await Promise.all([
    ...["icons.svg", "logo.svg"].map((name) => copyFile(join(here, name), join(folder, name))),
    build({
      entryPoints: entries,
      outdir: folder,
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
        "--output", join(folder, "app.css"),
        "--minify",
      ],
      { cwd: here },
    ),
  ]);
  const manifest = {};
  for (const file of (await readdir(folder)).sort()) {
    // Other sites name this one in their own pages, so its name stays.
    manifest[file] = file === "chaindeck-live.js" ? file : await nameByContent(folder, file);
  }
  await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

// The manifest comes last. What the former one names stays for who has read it already.
async function publish(folder) {
  await mkdir(target, { recursive: true });
  const former = await namesIn(target);
  const names = await namesIn(folder);
  for (const name of [...names, "manifest.json"]) {
    await rename(join(folder, name), join(target, name));
  }
  const kept = new Set([...former, ...names, "manifest.json"]);
  for (const name of await readdir(target)) {
    if (!kept.has(name)) await rm(join(target, name));
  }
}

await mkdir(dirname(target), { recursive: true });
const beside = await mkdtemp(`${target}-`);
try {
  await buildInto(beside);
  await publish(beside);
} finally {
  await rm(beside, { recursive: true });
}
