import { Duplicator, LoadBalancer, PacketEngine, PcapReader, PcapWriter } from 'packet-bricks';

test('what is not said has its default', () => {
  expect(new LoadBalancer().options).toMatchObject({ tuple: 4, inner: false, fragmentLifetime: 30_000 });
});

test('a bare number or string stands for the main option', () => {
  expect(new LoadBalancer(2).options).toMatchObject({ tuple: 2 });
  expect(new LoadBalancer('2' as never).options).toMatchObject({ tuple: 2 });
});

test('numbers and truth values may be strings, as scripts read them from files', () => {
  expect(new LoadBalancer({ tuple: '2', inner: 'true', fragmentLifetime: ' 500 ' } as never).options).toMatchObject({ tuple: 2, inner: true, fragmentLifetime: 500 });
});

test('a list has a value for each output, as numbers or as text', () => {
  expect(new LoadBalancer({ weights: [2, 1, 1] }).options).toMatchObject({ weights: [2, 1, 1] });
  expect(new LoadBalancer({ weights: ['2', ' 1 '] } as never).options).toMatchObject({ weights: [2, 1] });
  expect(new LoadBalancer().options).not.toHaveProperty('weights');
});

test.each([
  ['a number for a list', () => new LoadBalancer({ weights: 2 } as never), /the option "weights" is 2; it must be a list with an integer from 1 to 1000 for each output\. In Lua: \{2, 1, 1\}/],
  ['a list without values', () => new LoadBalancer({ weights: [] }), /the option "weights" is a list without values; it must be a list/],
  ['an item of a list that is out of range', () => new LoadBalancer({ weights: [1, 0] }), /item 2 of the option "weights" is 0; it must be an integer from 1 to 1000\./],
  ['a list in a list', () => new LoadBalancer({ weights: [1, [2]] } as never), /item 2 of the option "weights" is a list; it must be an integer/],
  ['a misspelt name', () => new LoadBalancer({ tupel: 2 }), /LoadBalancer has no option "tupel"\. Did you mean "tuple"\?/],
  ['a name in other letters', () => new PcapReader({ Loop: 2 }), /Did you mean "loop"\?/],
  ['a name unlike any', () => new LoadBalancer({ zzzzzzzzz: 1 }), /Its options are: tuple, inner, fragmentLifetime/],
  ['an option of a brick without any', () => new Duplicator({ tuple: 2 } as never), /Duplicator has no option "tuple"\. It has none\./],
  ['a value that is not among the allowed', () => new LoadBalancer(3), /the option "tuple" is 3; it must be 2 or 4\./],
  ['a value of the wrong kind', () => new LoadBalancer({ inner: 1 } as never), /the option "inner" is 1; it must be true or false\./],
  ['a number out of range', () => new LoadBalancer({ fragmentLifetime: 0 }), /must be an integer from 1 to 3600000\./],
  ['a fraction for an integer', () => new LoadBalancer({ fragmentLifetime: 1.5 }), /"fragmentLifetime" is 1\.5/],
  ['no number at all', () => new LoadBalancer({ fragmentLifetime: NaN }), /"fragmentLifetime" is NaN/],
  ['text for a number', () => new PcapWriter({ rotateBytes: 'many' }), /"rotateBytes" is "many"; it must be an integer of at least 1\./],
  ['a list', () => new LoadBalancer([4] as never), /LoadBalancer takes its options as a table, got a list\./],
  ['a bare value for a brick that takes none', () => new Duplicator(4 as never), /Duplicator takes its options as a table, got 4\. It has none\./],
  ['an option of an engine', () => new PacketEngine('e0', { cpus: 1 } as never), /no option "cpus"\. Did you mean "cpu"\?/],
])('%s is refused in words that help', (_, make, message) => {
  expect(make).toThrow(expect.objectContaining({ code: 'E_OPTION', message: expect.stringMatching(message) }));
});
