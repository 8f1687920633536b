import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
};

/** A folder of files on a port of its own. */
export interface StaticServer {
  /** The address of the folder, with a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the files of `folder`, none of its subfolders, under `prefix`, each with the given policy. */
export async function serveFolder(
  folder: string,
  prefix: string,
  contentSecurityPolicy: string,
): Promise<StaticServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const [, name] = new RegExp(`^${prefix}([a-z]+\\.[a-z]+|)$`).exec(pathname) ?? [];
    const file = join(folder, name || 'index.html');
    const mediaType = mediaTypes[extname(file)];
    if (name === undefined || mediaType === undefined || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('Content-Security-Policy', contentSecurityPolicy);
    response.setHeader('Content-Type', mediaType).end(readFileSync(file));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return {
    url: `http://127.0.0.1:${address.port}${prefix}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
