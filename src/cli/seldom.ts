/** Parts of the program that are large and seldom needed: separate bundles, loaded when a command asks for them (tools/bundle.cjs). */

export function loadTop(): typeof import('../top/run-top') {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a separate bundle
  return require('../top/run-top') as typeof import('../top/run-top');
}
