/** Pure functions on packet bytes: flow fields and flow hash. Code that runs for each packet imports the files themselves: fewer look-ups. */
export * from './flow';
export * from './flow-fields';
export * from './link-types';
export { fillFlowColumns, plainFlow } from './plain-flow';
export * from './toeplitz';
export { mayEncapsulate } from './tunnels';
