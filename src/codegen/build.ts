import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// npm run build: writes dist/, which the package ships, since Node strips no types under node_modules.
const dist = 'dist';

// The compiler's own script, not node_modules/.bin: that is a shell script on Windows.
const compiler = createRequire(import.meta.url).resolve('@typescript/native/package.json');
rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  [join(dirname(compiler), 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;

if (process.exitCode === 0) {
  // What tsc does not compile: the validators are JavaScript, and importers may want both documents.
  for (const file of ['validators.js', 'validators.d.ts', 'openapi.json', 'asyncapi.json']) {
    cpSync(join('generated', file), join(dist, 'generated', file));
  }
  chmodSync(join(dist, 'src', 'main.js'), 0o755); // the command `signalbox`
}
