/** Pure functions on packet bytes: flow fields and flow hash. Code that runs for each packet imports the files themselves: fewer look-ups. */
export * from './parse';
export * from './flow-fields';
export * from './link-types';
export { flowFiller, type FlowFiller, type FlowFillerOptions } from './columns';
export * from './hash';
export { mayEncapsulate } from './tunnels';
