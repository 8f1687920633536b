import { readConfig } from '../../../src/config.ts';
import { startServer } from '../../../src/server.ts';
import { answerQuestions } from './reporting.ts';

// The server of this project, as `src/main.ts` starts it.

const { port } = await startServer(readConfig(process.env));
answerQuestions(port);
