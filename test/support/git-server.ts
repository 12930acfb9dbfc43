import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The repository's name on the server. */
const repository = 'fleet.git';

/** Files to write, by their path in the repository; undefined removes one. */
export type Change = Readonly<Record<string, string | undefined>>;

/**
 * One git repository with one branch, `main`, served on loopback over HTTP by git's own `git http-backend`. It lives in a temporary
 * directory, and knows nothing of the configuration of whoever runs it.
 */
export class GitServer implements AsyncDisposable {
  /** Where to clone it from. */
  readonly url: string;
  readonly #directory: string;
  readonly #server: Server;

  private constructor(directory: string, server: Server) {
    this.#directory = directory;
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${repository}`;
  }

  /** Serves a repository with one commit, of the given files. */
  static async start(files: Change): Promise<GitServer> {
    const directory = await mkdtemp(join(tmpdir(), 'git-server-'));
    await mkdir(join(directory, 'work'));
    const server = createServer((request, response) => void answer(directory, request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const git = new GitServer(directory, server);
    try {
      await git.#git('init', '--quiet', '--bare', '--initial-branch=main', join(directory, repository));
      await git.commit('begin', files);
      return git;
    } catch (error) {
      await git[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Commits to `main`; resolves with the commit's hash. */
  async commit(message: string, change: Change): Promise<string> {
    for (const [path, content] of Object.entries(change)) {
      const file = join(this.#directory, 'work', path);
      await mkdir(dirname(file), { recursive: true });
      if (content === undefined) await rm(file);
      else await writeFile(file, content);
    }
    const place = [
      '--git-dir',
      join(this.#directory, repository),
      '--work-tree',
      join(this.#directory, 'work'),
    ];
    await this.#git(...place, 'add', '--all');
    await this.#git(...place, 'commit', '--quiet', '--allow-empty', '--message', message);
    return (await this.#git(...place, 'rev-parse', 'main')).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #git(...args: string[]): Promise<string> {
    const { stdout } = await execute('git', args, { cwd: join(this.#directory, 'work'), env: environment });
    return stdout;
  }
}

const environment = {
  PATH: process.env.PATH,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
};

/** Hands a request to `git http-backend`, a CGI program. Source: https://git-scm.com/docs/git-http-backend */
async function answer(directory: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const { headers } = request;
  const backend = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...environment,
      GIT_PROJECT_ROOT: directory,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method,
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: headers['content-type'],
      CONTENT_LENGTH: headers['content-length'],
      HTTP_CONTENT_ENCODING: headers['content-encoding'],
      GIT_PROTOCOL: [headers['git-protocol']].flat()[0],
      REMOTE_ADDR: '127.0.0.1',
    },
  });
  // A client that hangs up early ends the pipe, which is its own affair.
  request.pipe(backend.stdin).on('error', () => undefined);
  const chunks: Buffer[] = [];
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(backend, 'close')) as [number | null];
  const output = Buffer.concat(chunks);
  const end = output.indexOf('\r\n\r\n');
  if (code !== 0 || end < 0) {
    response.writeHead(500).end(`git http-backend ended with ${code}`);
    return;
  }
  let status = 200;
  for (const line of output.subarray(0, end).toString('latin1').split('\r\n')) {
    const [name = '', value = ''] = line.split(/: */, 2);
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status).end(output.subarray(end + 4));
}
