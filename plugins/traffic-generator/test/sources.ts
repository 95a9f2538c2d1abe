/** The generator's source without an engine, with a time that the test moves. */
import { TestSource as AnySource } from 'packet-bricks/testing';
import { checkOptions, listOptions, type OptionValue } from 'packet-bricks/src/model/options';
import { GENERATOR_OPTIONS, type GeneratorOptions } from '../src/options';
import { GeneratorSource } from '../src/source';

const BEGIN = 1000;

export class TestSource extends AnySource {
  constructor(options: Partial<Record<keyof GeneratorOptions, OptionValue>>, link = 'eth0', rows = 64) {
    const checked = checkOptions('the generator', listOptions(GENERATOR_OPTIONS), options) as unknown as GeneratorOptions;
    super((request, { notice }, { now }) => new GeneratorSource(request, checked, notice, { now: () => BEGIN + now(), origin: 1_700_000_000_250.5 }), { link, rows });
  }
}
