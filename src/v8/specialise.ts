/**
 * Hot loops over typed arrays that never change.
 *
 * V8 compiles the address and the length of a typed array into a function that closes over it, but only while that
 * closure is the only one of its code; what a loop is handed, or finds in an object, it checks and loads again for each
 * packet: 24 processor cycles a packet in a load balancer's loop, against 7. So each loop gets its own code,
 * made from its factory's text. See docs/decisions/0015-loops-of-their-own.md.
 */

/** Makes a loop; everything it uses comes by its parameters or is the language's own: its text is compiled anew, elsewhere. */
export type LoopFactory<Constants extends readonly unknown[], Loop> = (...constants: Constants) => Loop;

interface Made {
  readonly constants: readonly unknown[];
  readonly loop: unknown;
}

/** So that no two texts are the same. */
let lastText = 0;

/** The specialised loops of an engine. */
export class Specialiser {
  /** All that were made. */
  readonly loops: object[] = [];
  private readonly made = new Map<unknown, Made[]>();

  /** `before`: of the graph that this one replaces. What both need is compiled already. */
  constructor(private before: Specialiser | undefined = undefined) {}

  /** All loops were made. */
  forgetBefore(): void {
    this.before = undefined;
  }

  /**
   * The loop that `factory` makes of these constants. Who asks again for the same gets the same: so what was compiled
   * for a brick's warm-up instance serves the brick.
   */
  readonly specialise = <Constants extends readonly unknown[], Loop>(factory: LoopFactory<Constants, Loop>, ...constants: Constants): Loop => {
    const same = this.find(factory, constants);
    if (same !== undefined) return same as Loop;
    const earlier = this.before?.find(factory, constants);
    if (earlier !== undefined) {
      this.keep(factory, constants, earlier);
      return earlier as Loop;
    }
    // A text that V8 has compiled before would share with that one what V8 knows of both, from the third on.
    const fresh = new Function(`'use strict'; /* ${++lastText} */ return (${String(factory)});`) as () => LoopFactory<Constants, Loop>;
    const loop = fresh()(...constants);
    this.keep(factory, constants, loop);
    return loop;
  };

  private find(factory: unknown, constants: readonly unknown[]): unknown {
    return this.made.get(factory)?.find((made) => made.constants.every((constant, index) => Object.is(constant, constants[index])))?.loop;
  }

  private keep(factory: unknown, constants: readonly unknown[], loop: unknown): void {
    this.made.set(factory, [...this.made.get(factory) ?? [], { constants, loop }]);
    this.loops.push({ loop });
  }
}

/**
 * Calls a specialised loop, and keeps V8 from inlining it into its caller: there it would share the registers with all
 * that its caller does besides (2 of 13 processor cycles a packet in a load balancer).
 */
export function callLoop<First, Second, Third, Result>(
  loop: (first: First, second: Second, third: Third) => Result, first: First, second: Second, third: Third,
): Result {
  return loop(first, second, third);
}

// V8 inlines what a call always meets: this one has met several from the start.
for (let call = 0; call < 4; call++) {
  callLoop(() => 0, 0, 0, 0);
  callLoop(() => 1, 0, 0, 0);
}
