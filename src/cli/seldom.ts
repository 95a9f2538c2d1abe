/** Parts of the program that are large and seldom needed: bundles of their own, loaded when a command asks for them (tools/bundle.cjs). */

export function loadTop(): typeof import('../top/run-top') {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a bundle of its own
  return require('../top/run-top') as typeof import('../top/run-top');
}
