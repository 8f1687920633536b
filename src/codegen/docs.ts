import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readingCopy } from './docs/reading.ts';
import { readScalar, ScalarError } from './docs/scalar.ts';

// npm run docs: renders both documents into site/, or into the folder that is named, as a site that works offline
// and under any path that ends in a slash. The server serves exactly the names that GET /docs/{asset} allows.
const site = process.argv[2] ?? 'site';
const pages = 'src/codegen/docs';

try {
  const scalar = readScalar();
  rmSync(site, { recursive: true, force: true });
  mkdirSync(site);
  for (const file of ['index.html', 'docs.css', 'policy.js', 'docs.js'])
    cpSync(join(pages, file), join(site, file));
  for (const file of ['openapi.json', 'asyncapi.json']) cpSync(join('generated', file), join(site, file));
  const asyncapi = JSON.parse(readFileSync('generated/asyncapi.json', 'utf8'));
  writeFileSync(join(site, 'websocket.json'), JSON.stringify(readingCopy(asyncapi)));
  writeFileSync(join(site, 'scalar.js'), scalar);
} catch (error) {
  if (!(error instanceof ScalarError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
