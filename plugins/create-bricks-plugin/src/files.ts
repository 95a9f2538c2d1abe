/** The files of a plugin besides its brick. */
import { BRICKS, benchText, sourceText, testText } from './bricks';
import type { Settings } from './settings';

/** Versions that a new plugin begins with. */
const VERSIONS = { packetBricks: '>=0.1.0', typescript: '6.0.3', nodeTypes: '20.19.43' } as const;

function manifest({ name, brick, description, author, license }: Settings): object {
  return {
    name, version: '0.1.0', description, license, ...(author === '' ? {} : { author }), type: 'module', engines: { node: '>=20.17' },
    keywords: ['packet-bricks-plugin'],
    exports: { '.': { types: './dist/src/index.d.ts', default: './dist/src/index.js' }, './package.json': './package.json' },
    files: ['dist/src'],
    'packet-bricks': { contract: 1, bricks: { [brick]: './dist/src/index.js' } },
    scripts: { build: 'tsc', test: 'npm run build && node --test dist/test/index.test.js', bench: 'npm run build && node dist/bench/index.js', prepublishOnly: 'npm test' },
    peerDependencies: { 'packet-bricks': VERSIONS.packetBricks },
    devDependencies: { '@types/node': VERSIONS.nodeTypes, 'packet-bricks': VERSIONS.packetBricks, typescript: VERSIONS.typescript },
  };
}

const COMPILER = {
  compilerOptions: {
    target: 'ES2022', module: 'node16', moduleResolution: 'node16', rootDir: '.', outDir: 'dist', declaration: true, strict: true, noImplicitOverride: true, noFallthroughCasesInSwitch: true,
    noUnusedLocals: true, noUnusedParameters: true, exactOptionalPropertyTypes: true, skipLibCheck: true, types: ['node'],
  },
  include: ['src', 'test', 'bench'],
};

function readme({ name, brick, form, description }: Settings): string {
  const { option, outputs, table } = BRICKS[form];
  return `# ${name}

${description} A brick for [Packet Bricks](https://www.npmjs.com/package/packet-bricks).

\`\`\`sh
npm install ${name}
\`\`\`

In Lua:

\`\`\`lua
b = Brick.new("${brick}", {${option} = 200}):connect_input("eth3"):connect_output(${outputs.replaceAll("'", '"')})
\`\`\`

In TypeScript:

\`\`\`ts
import { ${brick} } from '${name}';

const brick = new ${brick}({ ${option}: 200 }).connectInput('eth3').connectOutput(${outputs});
\`\`\`

| option | meaning | default |
| --- | --- | --- |
${table}

\`Brick.help("${brick}")\` in the shell prints all that is known of it. \`npm test\` tests it, \`npm run bench\` measures it.
`;
}

const WORKFLOW = `name: test
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        node: [20, 22, 24]
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: \${{ matrix.node }}
      - run: npm install
      - run: npm test
`;

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`;

const BSD = `Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
`;

function license({ name, author, license: id }: Settings): string {
  const holder = author === '' ? `the authors of ${name}` : author;
  return `${id === 'MIT' ? 'MIT License' : 'BSD 2-Clause License'}\n\nCopyright (c) ${new Date().getFullYear()} ${holder}\n\n${id === 'MIT' ? MIT : BSD}`;
}

const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** All files of a new plugin, by their paths. */
export function filesOf(settings: Settings): Map<string, string> {
  return new Map([
    ['package.json', json(manifest(settings))],
    ['tsconfig.json', json(COMPILER)],
    ['src/index.ts', sourceText(settings)],
    ['test/index.test.ts', testText(settings)],
    ['bench/index.ts', benchText(settings)],
    ['README.md', readme(settings)],
    ['LICENSE', license(settings)],
    ['.gitignore', 'dist/\nnode_modules/\n*.tgz\n'],
    ['.github/workflows/test.yml', WORKFLOW],
  ]);
}
