/** Options that are lists over a brick's outputs, where outputs come and go. */
import { countText } from './count-text';
import { BricksError, namesInstead } from './errors';
import type { BrickSpecification } from './graph';
import type { OptionDeclaration } from './options';

type Options = BrickSpecification['options'];

/**
 * The options of a brick that gets so many outputs more, behind those that it has. `given`: what the new ones get, by option; a value for all of them,
 * or a list with one for each.
 * @throws BricksError E_OPTION
 */
export function listsWithOutputs(owner: string, declarations: readonly OptionDeclaration[], { options, outputs }: BrickSpecification, count: number, given: Options): Options {
  const lists = declarations.filter(({ list }) => list === 'outputs');
  const unknown = Object.keys(given).find((name) => !lists.some((declaration) => declaration.name === name));
  if (unknown !== undefined) {
    const names = lists.map(({ name }) => name);
    throw new BricksError('E_OPTION', `${owner} has no option "${unknown}" that is a list over its outputs.`, names.length > 0 ? namesInstead(unknown, names, 'Such options are') : 'Change its other options with set.');
  }
  const changed = lists.flatMap(({ name, forNewOutput }): [string, unknown][] => {
    const told = given[name];
    const before = options[name];
    if (told === undefined && !Array.isArray(before)) return [];
    const known: readonly unknown[] = Array.isArray(before) ? before : outputs.map(() => forNewOutput);
    const added: readonly unknown[] = Array.isArray(told) ? told : Array.from({ length: count }, () => told ?? forNewOutput);
    if (added.length !== count) throw new BricksError('E_OPTION', `${owner}: the option "${name}" has ${countText(added.length, 'value')} for ${countText(count, 'new output')}.`, 'Give one value for each, or one for all.');
    if ([...known, ...added].includes(undefined)) throw new BricksError('E_OPTION', `${owner}: the option "${name}" needs a value for each output.`, `Give values for the new outputs; if "${name}" is not set, set it first.`);
    return [[name, [...known, ...added]]];
  });
  return { ...options, ...Object.fromEntries(changed) };
}

/** The options of a brick of which only some outputs remain. */
export function listsWithoutOutputs(declarations: readonly OptionDeclaration[], { options, outputs }: BrickSpecification, remains: (output: string) => boolean): Options {
  const changed = declarations.flatMap(({ name, list }): [string, unknown][] => {
    const before = options[name];
    return list === 'outputs' && Array.isArray(before) ? [[name, before.filter((_, index) => index >= outputs.length || remains(outputs[index]))]] : [];
  });
  return { ...options, ...Object.fromEntries(changed) };
}
