import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Says why there is no Scalar, in one line. */
export class ScalarError extends Error {}

const version = '1.72.1';
const integrity =
  'sha512-XpEJ0rfc/cXbCrR+iC4kK0o/WwX2dTtGQbT049OlPKAHD6IMIFdTeGz2r+M27P2EDWKyUITRm/NzlP8z2pw/Ow==';
const cache = 'node_modules/.cache/signalbox';
const tarball = join(cache, `scalar-api-reference-${version}.tgz`);

/**
 * Scalar's browser build: one script. As a dependency it would be 287 MB, so its tarball alone is fetched, from
 * the registry that npm is configured for, and kept; what is not byte for byte the pinned tarball is not used.
 */
export function readScalar(): string {
  if (!isIntact()) fetchTarball();
  const script = execFileSync('tar', ['-xzOf', tarball, 'package/dist/browser/standalone.js'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const licence = `/*! @scalar/api-reference ${version} | MIT License | Copyright (c) 2023-present Scalar */\n`;
  return licence + script.replace(/\n\/\/# sourceMappingURL=.*/, ''); // the map stays in the tarball
}

function fetchTarball(): void {
  mkdirSync(cache, { recursive: true });
  const [command, ...before] = npm();
  // npm hands its own settings on to what it runs: inside `npm pack --dry-run` nothing would be fetched.
  const args = ['pack', `@scalar/api-reference@${version}`, '--pack-destination', cache];
  const settings = ['--dry-run=false', '--loglevel=error'];
  try {
    execFileSync(command, [...before, ...args, ...settings], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const code = /^npm \S+ code (\S+)/m.exec(String(Object(error).stderr))?.[1] ?? 'npm pack failed';
    throw new ScalarError(
      `docs: cannot fetch @scalar/api-reference@${version} (${code}), and ${cache} has no copy`,
    );
  }
  if (!isIntact()) throw new ScalarError(`docs: ${tarball} is not the pinned ${integrity}`);
}

/** The npm that runs this script, else the one on the PATH. */
function npm(): [command: string, ...args: string[]] {
  const path = process.env.npm_execpath;
  return path?.endsWith('npm-cli.js') ? [process.execPath, path] : ['npm'];
}

function isIntact(): boolean {
  if (!existsSync(tarball)) return false;
  return `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}` === integrity;
}
