import { parseLinkName } from 'packet-bricks';
import { parsePortName } from 'packet-bricks/backends/netmap/port-name';

const parse = (text: string, queue = -1, interfaces: readonly string[] = []) => parsePortName(parseLinkName(text), queue, (name) => interfaces.includes(name));

describe('names of netmap ports', () => {
  test.each([
    ['eth3', 'eth3', 'interface', 1, 0],
    ['netmap:eth3', 'eth3', 'interface', 1, 0],
    ['eth3-2', 'eth3', 'interface', 4, 2],
    ['eth3^', 'eth3', 'interface', 2, 0],
    ['eth3^1', 'eth3', 'interface', 8, 1],
    ['eth3*', 'eth3', 'interface', 3, 0],
    ['br-lan', 'br-lan', 'interface', 1, 0],
    ['vale0:a', 'vale0:a', 'switch', 1, 0],
    ['eth3{0', 'eth3{0', 'pipe', 1, 0],
    ['eth3}0', 'eth3}0', 'pipe', 1, 0],
    ['vale0:a{0', 'vale0:a{0', 'pipe', 1, 0],
    ['name{any-text', 'name{any-text', 'pipe', 1, 0],
  ])('%s is the port %s', (text, name, kind, mode, ring) => {
    expect(parse(text)).toMatchObject({ name, kind, mode, ring, flags: 0, memoryId: 0 });
  });

  test('a pipe knows its parent', () => {
    expect(parse('vale0:a}x').device).toBe('vale0:a');
    expect(parse('eth3{0').device).toBe('eth3');
  });

  test('flags and memory id come off, in any order', () => {
    expect(parse('eth3/x')).toMatchObject({ name: 'eth3', flags: 0x800 });
    expect(parse('netmap:eth3-1/xR@4')).toMatchObject({ name: 'eth3', mode: 4, ring: 1, flags: 0x2800, memoryId: 4 });
    expect(parse('netmap:eth3@4/T')).toMatchObject({ name: 'eth3', flags: 0x4000, memoryId: 4 });
    expect(parse('eth3/zt')).toMatchObject({ flags: 0x500 });
    expect(parse('eth3{0@7')).toMatchObject({ name: 'eth3{0', memoryId: 7 });
  });

  test('R and T together are refused', () => {
    expect(() => parse('eth3/RT')).toThrow(/receive rings only.*transmit rings only/);
  });

  test('a queue binds one ring; of a pipe there is nothing to choose', () => {
    expect(parse('eth3', 3)).toMatchObject({ mode: 4, ring: 3 });
    expect(parse('eth3-3', 3)).toMatchObject({ mode: 4, ring: 3 });
    expect(parse('eth3{0', 3)).toMatchObject({ mode: 1 });
    expect(() => parse('eth3-2', 3)).toThrow(/can't be bound to queue 3/);
  });

  test('an interface whose name ends like a ring is that interface', () => {
    expect(parse('veth-1', -1, ['veth-1'])).toMatchObject({ name: 'veth-1', mode: 1 });
  });

  test('63 characters are possible', () => {
    const name = `vale0:${'a'.repeat(55)}{0`;
    expect(name).toHaveLength(63);
    expect(parse(name).name).toBe(name);
  });
});
