import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Namespace, describeInNamespace } from './namespace';

const NATIVE = resolve(__dirname, '../../backends/pcap/native');
const CORE = ['sanitized_test.cpp', 'capture.cpp', 'libpcap_capture.cpp', 'receive_ring_linux.cpp', 'ring_blocks.cpp', 'capture_socket.cpp', 'long_frames.cpp', 'fanout_linux.cpp', 'flow_program.cpp', 'bpf_assembler.cpp', 'filter_program.cpp', 'list_sender.cpp', 'interface_linux.cpp'];

describeInNamespace('the native code under the address and undefined behaviour sanitizers', () => {
  const compiler = spawnSync('c++', ['--version']).status === 0 && spawnSync('pkg-config', ['libpcap']).status === 0;

  (compiler ? test : test.skip)('filters over garbage, lists with wrong rows, and frames sent and captured: nothing read or written out of place', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bricks-pcap-sanitized-'));
    const namespace = new Namespace();
    try {
      const program = join(folder, 'bricks_pcap_test');
      const sanitize = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];
      execFileSync('c++', ['-std=c++17', '-O1', '-g', '-D_GNU_SOURCE', ...sanitize, `-I${resolve(NATIVE, '../../../src/native')}`, `-I${resolve(NATIVE, '../../../src/flow/native')}`, ...CORE.map((file) => join(NATIVE, file)), '-o', program, '-lpcap'], { stdio: 'pipe' });
      for (const device of ['va', 'vb']) namespace.ip('link', 'set', device, 'mtu', '9000');
      const output = namespace.run(program, 'va', 'vb');
      expect(output).toMatch(/^filters: \d+ matches\nlists: \d+ rows\nblocks: \d+ rows, \d+ of spoilt ones\n(frames: 4950, lost by the kernel: 0\n){2}$/);
    } finally {
      await namespace.dispose();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 180_000);
});
