import { ContractError } from './documents.ts';
import { drift, generate, writeFiles } from './generate.ts';

// npm run generate: writes generated/ from specs/. With --check it writes nothing and fails where they differ.
try {
  const files = await generate('specs');
  if (process.argv.includes('--check')) {
    const stale = drift(files, 'generated');
    if (stale.length > 0) {
      console.error(`generated/ is not what specs/ say; run npm run generate (${stale.join(', ')})`);
      process.exitCode = 1;
    }
  } else {
    writeFiles(files, 'generated');
  }
} catch (error) {
  if (!(error instanceof ContractError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
