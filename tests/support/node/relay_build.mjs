// Makes of src/relay.js, as an application's build does, a module that Node can run.
import { transformFileSync } from "@babel/core";
import { build } from "esbuild";
import { writeFileSync } from "node:fs";

const plugins = [["relay", { eagerEsModules: true }]];
const { code } = transformFileSync("src/relay.js", { plugins, configFile: false });
writeFileSync("src/compiled.js", code);
await build({
  entryPoints: ["src/compiled.js"],
  bundle: true,
  platform: "node",
  format: "esm",
  outfile: "relay.mjs",
  logLevel: "error",
});
