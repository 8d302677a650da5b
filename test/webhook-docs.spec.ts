import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/* What docs/webhooks.md shows is what partners paste: it is run here as it stands there. */

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const BODY = '{"test": 2432232314}';
const VECTOR = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
const VECTOR_AT = 1_614_265_330;
const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek';

interface Case {
  what: string;
  ok: boolean;
  /** The present time of whoever checks, in seconds; the real one when missing. */
  clock?: number;
  headers: Record<string, string>;
  body: string;
}

/** By the official library, `ago` seconds before now. */
function signed(what: string, ok: boolean, over: { ago?: number; body?: string; secret?: string; plus?: string } = {}): Case {
  const { ago = 0, body = BODY, secret = SECRET, plus = '' } = over;
  const at = Math.floor(Date.now() / 1000) - ago;
  const signature = new Webhook(secret).sign(ID, new Date(at * 1000), BODY) + plus;
  return { what, ok, headers: { 'webhook-id': ID, 'webhook-timestamp': String(at), 'webhook-signature': signature }, body };
}

const cases = (): Case[] => [
  signed('a right one', true),
  signed('one of four minutes ago', true, { ago: 240 }),
  signed('one of six minutes ago', false, { ago: 360 }),
  signed('one of the future', false, { ago: -360 }),
  signed('one with another body', false, { body: '{"test": 2432232315}' }),
  signed('one by another secret', false, { secret: OTHER }),
  signed('one by another secret and ours', true, { secret: OTHER, plus: ` ${signed('', true).headers['webhook-signature']}` }),
  signed('one with a signature of another form', true, { plus: ' v2,xyz' }),
];
const vector: Case = {
  what: 'the one of the specification, at its time',
  ok: true,
  clock: VECTOR_AT + 300,
  headers: { 'webhook-id': ID, 'webhook-timestamp': String(VECTOR_AT), 'webhook-signature': VECTOR },
  body: BODY,
};
const tooLate: Case = { ...vector, what: 'the one of the specification, later', ok: false, clock: VECTOR_AT + 301 };

/** Around a snippet: reads cases from a file, writes whether each is right. */
const LANGUAGES: Record<string, { command: string[]; file: string; program: (snippet: string) => string; clocks: boolean }> = {
  js: {
    command: [process.execPath],
    file: 'verify.mjs',
    clocks: true,
    program: (snippet) => `${snippet}
import { readFileSync } from 'node:fs';
const real = Date.now;
const results = JSON.parse(readFileSync(process.argv[2], 'utf8')).map(({ clock, headers, body }) => {
  Date.now = clock ? () => clock * 1000 : real;
  return verify('${SECRET}', headers, Buffer.from(body));
});
console.log(JSON.stringify(results));`,
  },
  python: {
    command: ['python3'],
    file: 'verify.py',
    clocks: true,
    program: (snippet) => `${snippet}
import json, sys
real = time.time
results = []
for case in json.load(open(sys.argv[1])):
    time.time = (lambda at: lambda: at)(case["clock"]) if case.get("clock") else real
    results.append(verify("${SECRET}", case["headers"], case["body"].encode()))
print(json.dumps(results))`,
  },
  php: {
    command: ['php'],
    file: 'verify.php',
    clocks: false,
    program: (snippet) => `<?php
${snippet}
$cases = json_decode(file_get_contents($argv[1]), true);
echo json_encode(array_map(fn ($case) => verify('${SECRET}', $case['headers'], $case['body']), $cases));`,
  },
  go: {
    command: ['go', 'run'],
    file: 'verify.go',
    clocks: false,
    program: (snippet) => `package main

import (
${[
  'crypto/hmac',
  'crypto/sha256',
  'encoding/base64',
  'encoding/json',
  'fmt',
  'math',
  'net/http',
  'os',
  'slices',
  'strconv',
  'strings',
  'time',
]
  .map((name) => `\t"${name}"`)
  .join('\n')}
)

${snippet}

func main() {
	var cases []struct {
		Headers map[string]string
		Body    string
	}
	text, _ := os.ReadFile(os.Args[1])
	json.Unmarshal(text, &cases)
	results := []bool{}
	for _, each := range cases {
		headers := http.Header{}
		for name, value := range each.Headers {
			headers.Set(name, value)
		}
		results = append(results, Verify("${SECRET}", headers, []byte(each.Body)))
	}
	json.NewEncoder(os.Stdout).Encode(results)
}`,
  },
};

const installed = (command: string): boolean => !spawnSync(command, [command === 'go' ? 'version' : '--version']).error;

let folder: string;
let page: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soko-docs-'));
  page = await readFile(join(import.meta.dirname, '../docs/webhooks.md'), 'utf8');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(Object.entries(LANGUAGES))('the check in %s', (language, { command, file, program, clocks }) => {
  const snippetOf = (): string => {
    const section = page.split(/^## /m).find((each) => each.startsWith('Verify\n'));
    return new RegExp(`\`\`\`${language}\n([^]*?)\n\`\`\``).exec(section!)![1]!;
  };

  it('stands in the docs', () => {
    expect(snippetOf()).toMatch(/verify/i);
  });

  it.skipIf(!installed(command[0]!))('takes what is right, and nothing else', { timeout: 60_000 }, async () => {
    const given = [...cases(), ...(clocks ? [vector, tooLate] : [])];
    const [source, input] = [join(folder, file), join(folder, `${language}.json`)];
    await writeFile(source, program(snippetOf()));
    await writeFile(input, JSON.stringify(given));
    const [name, ...args] = command;
    const { stdout } = await promisify(execFile)(name!, [...args, source, input]);
    const results = JSON.parse(stdout) as boolean[];
    expect(given.map(({ what }, index) => [what, results[index]])).toEqual(given.map(({ what, ok }) => [what, ok]));
  });
});
