/** The language in which a setup is written in one line: docs/guide/one-line.md, docs/decisions/0049-setups-as-text.md. */
import { valueOfAnswer, type Answer, type RegistryCommand } from '../control/registry-commands';
import type { BrickDeclaration } from '../model/brick';
import { isBricksError, type BricksError } from '../model/errors';
import { brickDeclarations, knownBrick } from '../plugins/container';
import { brickSummaries, plugins } from '../plugins/find';
import type { KnownBricks } from './bricks';
import { parseSetup } from './parser';
import { commandsOf, planEngines, type PlannedEngine } from './setup';
import { SourceText } from './source-text';
import type { SetupSyntax } from './syntax';

export { printSetup, type PrintedBrick, type PrintedEngine } from './printer';
export type { PlannedEngine } from './setup';
export type { KnownBricks } from './bricks';

/** The bricks that this program knows without looking for plugins. */
export const containerBricks: KnownBricks = {
  find: (kind) => knownBrick(kind)?.declaration,
  get names() { return brickDeclarations().map(({ name }) => name); },
};

/** Reads a setup whose bricks are known. `name` is the file that it comes from. @throws BricksError that shows the place */
export function readSetup(text: string, name?: string, known: KnownBricks = containerBricks): PlannedEngine[] {
  const source = new SourceText(text, name);
  return planEngines(parseSetup(source), source, known);
}

/**
 * Builds a setup by commands, and lets packets flow. Bricks are numbered from `firstBrick` on; those of plugins are found by their names.
 * @throws BricksError that shows the place, or what an engine says
 */
export async function runSetup(text: string, name: string | undefined, execute: (command: RegistryCommand) => Promise<Answer>, firstBrick = 1): Promise<void> {
  const source = new SourceText(text, name);
  const syntax = parseSetup(source);
  const carryOut = async (command: RegistryCommand): Promise<void> => {
    valueOfAnswer(await execute(command));
  };
  for (const module of syntax.modules) {
    await carryOut({ command: 'brick.load', file: module.text }).catch((error: BricksError) => { throw source.error(module, error.code, error.message); });
  }
  for (const command of commandsOf(planEngines(syntax, source, await allBricks(syntax, source)), firstBrick)) await carryOut(command);
}

/** The bricks of the program, and those of plugins that the text may mean. @throws BricksError E_PLUGIN */
async function allBricks({ engines }: SetupSyntax, source: SourceText): Promise<KnownBricks> {
  const found = new Map<string, BrickDeclaration>();
  const items = engines.flatMap(({ chains }) => chains).flatMap(({ segments }) => segments).flat();
  for (const { word, name, arguments: given } of items) {
    const { text, quoted } = word;
    // Links have no options, and hardly one begins with a capital letter.
    const mayBeBrick = !quoted && (name !== undefined || given !== undefined || /^[A-Z]/.test(text));
    if (!mayBeBrick || found.has(text) || containerBricks.find(text)) continue;
    try {
      const brick = await plugins().brick(text);
      if (brick) found.set(text, brick.declaration);
    } catch (error) {
      throw isBricksError(error) ? source.error(word, error.code, error.message) : error;
    }
  }
  return { find: (kind) => containerBricks.find(kind) ?? found.get(kind), get names() { return brickSummaries().map(({ name }) => name); } };
}
