/** process.exit where a module calls it, for a program that goes on: it ends the module by an error. */
const { exit } = process;

/** What a module throws where it calls process.exit. */
class ModuleLeft extends Error {
  constructor(readonly exitCode: number) {
    super(`The script has called process.exit(${exitCode}).`);
  }
}

export function catchExit(): void {
  process.exit = (code) => {
    throw new ModuleLeft(Number(code ?? process.exitCode ?? 0));
  };
}

export function restoreExit(): void {
  process.exit = exit;
}

/** The exit code that a module has given to process.exit, wherever what that threw was caught. */
export function exitCodeOfThrown(error: unknown): number | undefined {
  for (let one = error; one instanceof Error; one = one.cause) if (one instanceof ModuleLeft) return one.exitCode;
  return undefined;
}
