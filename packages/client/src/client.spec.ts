import { describe, expect, it } from 'vitest';
import { createClient, SokoError, unwrap } from './client.js';

const answering = (status: number, body: string, type = 'application/json') => {
  const requests: Request[] = [];
  const soko = createClient({
    baseUrl: 'https://soko.example.com',
    token: 'sk_1',
    fetch: async (request) => {
      requests.push(request);
      return new Response(body, { status, headers: { 'content-type': type, 'content-length': String(body.length) } });
    },
  });
  return { soko, requests };
};

describe('the client', () => {
  it('calls with the token, and fills in what stands in the path and the query', async () => {
    const { soko, requests } = answering(200, '{"data":[],"pagination":{"limit":1,"hasMore":false}}');
    const page = unwrap(await soko.GET('/api/webhooks/{id}/logs', { params: { path: { id: 'a b' }, query: { limit: 1 } } }));
    expect(page.data).toEqual([]);
    expect(requests[0]!.url).toBe('https://soko.example.com/api/webhooks/a%20b/logs?limit=1');
    expect(requests[0]!.headers.get('authorization')).toBe('Bearer sk_1');
  });

  it('tells what a call was refused for', async () => {
    const problem = { code: 'validation_failed', detail: 'url: url must be a URL address', status: 422 };
    const { soko } = answering(422, JSON.stringify(problem), 'application/problem+json');
    const refused = soko.POST('/api/webhooks', { body: { url: 'x', events: ['*'] } }).then(unwrap);
    await expect(refused).rejects.toThrow(new SokoError(422, problem as never));
    await expect(refused).rejects.toMatchObject({
      status: 422,
      problem,
      message: 'validation_failed: url: url must be a URL address',
    });
  });

  it('tells that something else has answered', async () => {
    const { soko } = answering(502, '<h1>Bad gateway</h1>', 'text/html');
    const refused = soko.GET('/api/merchant').then(unwrap);
    await expect(refused).rejects.toMatchObject({ status: 502, problem: undefined, message: 'the answer was 502' });
  });
});
