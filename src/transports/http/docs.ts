import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, Router } from 'express';
import { pages } from '../../../generated/operations.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import { expressPath } from './router.ts';

/** Where `npm run docs` puts the site: beside `src`, or beside `dist` in the package. */
const site = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../site/' : '../../../../site/', import.meta.url),
);

/** The docs site and the ways to it. Serves what `npm run docs` wrote, and nothing else. */
export function docsRouter(): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const leadToDocs: RequestHandler = (_request, response) => {
    response.status(pages.getRoot.success).location(pages.getDocs.path).end();
  };
  router.get(pages.getRoot.path, leadToDocs);
  router.get(pages.getDocsWithoutSlash.path, leadToDocs);
  router.use(
    pages.getDocs.path,
    express.static(site, { redirect: false, dotfiles: 'ignore', cacheControl: false }),
  );
  router.get([pages.getDocs.path, expressPath(pages.getDocsAsset.path)], ({ path }) => {
    throw new SignalboxError('not_found', `There is nothing at ${path}.`);
  });
  return router;
}
