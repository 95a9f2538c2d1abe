import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceError, portError, type PortAttempt } from 'packet-bricks/backends/netmap/errors';

const { errno } = constants;
const attempt: PortAttempt = { link: 'eth3', pipe: false, pipes: 0, extraBuffers: 0, ownMemory: false, oneRing: false, errorText: 'text', device: { number: 0, step: 'version' } };
const refused = (number: number, more: Partial<PortAttempt> = {}) => portError({ number, step: 'register' }, { ...attempt, ...more });

describe('errors of netmap say what to do', () => {
  test('no device: load the module, or user space', () => {
    expect(deviceError({ number: errno.ENOENT, step: 'open' })).toMatchObject({ code: 'E_NETMAP_MISSING', message: expect.stringMatching(/modprobe netmap.*bricks netmap-run/) as string });
  });

  test('no permission', () => {
    expect(deviceError({ number: errno.EACCES, step: 'open' })).toMatchObject({ code: 'E_NETMAP_PERMISSION' });
  });

  describe('netmap in user space', () => {
    const before = { preload: process.env['LD_PRELOAD'], directory: process.env['NETMAP_USERSPACE_DIR'] };
    const restore = (name: string, value: string | undefined): void => {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    };
    const base = mkdtempSync(join(tmpdir(), 'bricks-netmap-directory-'));
    afterAll(() => {
      restore('LD_PRELOAD', before.preload);
      restore('NETMAP_USERSPACE_DIR', before.directory);
      rmSync(base, { recursive: true, force: true });
    });

    test.each<[string, (path: string) => void, number, RegExp]>([
      ['has a mode that lets others in', (path) => { mkdirSync(path); chmodSync(path, 0o755); }, errno.EACCES, /must be accessible only to you, but has mode 0755\. Change it: chmod 700 .*, or name another one in NETMAP_USERSPACE_DIR\.$/],
      ['is a file', (path) => { writeFileSync(path, ''); }, errno.ENOTDIR, /is not a directory/],
      ['is not there', () => undefined, errno.ENOENT, /does not exist and can't be created/],
    ])('names its directory where that %s', (name, make, number, message) => {
      process.env['LD_PRELOAD'] = '/anywhere/libnetmap-userspace.so';
      process.env['NETMAP_USERSPACE_DIR'] = join(base, name);
      make(join(base, name));
      expect(deviceError({ number, step: 'open' })).toMatchObject({ code: 'E_NETMAP_DIRECTORY', message: expect.stringMatching(message) as string });
      if (number === errno.EACCES) expect(refused(number)).toMatchObject({ code: 'E_NETMAP_DIRECTORY' });
      delete process.env['LD_PRELOAD'];
      expect(deviceError({ number, step: 'open' })).not.toMatchObject({ code: 'E_NETMAP_DIRECTORY' });
    });
  });

  test('another version of the interface', () => {
    expect(deviceError({ number: errno.EINVAL, step: 'version' })).toMatchObject({ code: 'E_NETMAP_VERSION' });
    expect(refused(errno.EINVAL, { device: { number: errno.EINVAL, step: 'version' } })).toMatchObject({ code: 'E_NETMAP_VERSION' });
  });

  test.each([
    [errno.ENXIO, {}, 'E_NETMAP_INTERFACE', /no interface eth3/],
    [errno.EBUSY, {}, 'E_NETMAP_BUSY', /another program/],
    [errno.ENOMEM, {}, 'E_NETMAP_MEMORY', /buf_num/],
    [errno.ENOMEM, { pipes: 1000, link: 'eth3{999' }, 'E_NETMAP_MEMORY', /too small for 1000 pipes.*\/ring_num/],
    [errno.ENOMEM, { pipes: 5, link: 'vale0:a', ownMemory: true }, 'E_NETMAP_MEMORY', /too small for 5 pipes.*priv_ring_num/],
    [errno.EINVAL, { pipe: true, pipes: 65, link: 'eth3{64' }, 'E_NETMAP_PIPES', /at most 64 pipes/],
    [errno.EINVAL, { oneRing: true }, 'E_NETMAP_RING', /no such ring/],
    [errno.EINVAL, {}, 'E_NETMAP_NAME', /refuses the name/],
    [errno.EIO, {}, 'E_NETMAP_REFUSED', /dmesg/],
  ] as const)('error %i of a registration, %j: %s', (number, more, code, message) => {
    const error = refused(number, more);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test('a ring that is in use already', () => {
    expect(portError({ number: errno.EBUSY, step: 'claim' }, attempt)).toMatchObject({ code: 'E_NETMAP_BUSY', message: expect.stringMatching(/in this process already/) as string });
  });
});
