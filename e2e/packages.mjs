// Packages from npm and PyPI, installed unmodified into a cache outside the repository.
import { createRequire } from "node:module";
import { join } from "node:path";

import { required } from "./collector.mjs";

export const nodeFolder = required("HEADCOUNT_E2E_NODE");
export const pythonFolder = required("HEADCOUNT_E2E_PYTHON");

/** Loads a package from the cache, as `require` does. */
export const load = createRequire(join(nodeFolder, "package.json"));

/** Version of an installed package, for the name of a test. */
export function version(name) {
  return load(join(nodeFolder, "node_modules", name, "package.json")).version;
}
