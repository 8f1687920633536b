import type { Server, ServerResponse } from 'node:http';

/** How long requests may take that came before the end. */
const deadlineMs = 1_000;

/**
 * Keeps count of what a server is answering; what it gives closes the server when all of that is answered, or a second
 * later.
 */
export function closingAfterAnswers(server: Server): () => Promise<void> {
  const open = new Set<ServerResponse>();
  let answered = (): void => {};
  server.on('request', (_request, response: ServerResponse) => {
    open.add(response);
    response.once('close', () => {
      open.delete(response);
      if (open.size === 0) answered();
    });
  });
  return async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    if (open.size > 0) {
      await new Promise<void>((resolve) => {
        answered = resolve;
        setTimeout(resolve, deadlineMs).unref();
      });
    }
    server.closeAllConnections(); // those that are kept alive, too
    await closed;
  };
}
