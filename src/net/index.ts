/** Pure functions on packet bytes: flow fields and flow hash. */
export * from './flow';
export * from './flow-fields';
export * from './link-types';
export { fillFlowColumns, mayEncapsulate, plainFlow } from './plain-flow';
export * from './toeplitz';
