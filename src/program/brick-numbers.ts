/** Lua states and setups share the engines of their program, so the bricks of each have their own numbers, far from those of others. */
const BRICKS_OF_A_STATE = 2 ** 32;

let states = 0;

/** The number of the first brick of another Lua state or setup; the first one counts from 1. */
export function firstBrickOfState(): number {
  return states++ * BRICKS_OF_A_STATE + 1;
}
