// Who may import whom: see README, "How the folders map". Each edge between two domain libs has its reason here.
const DOMAIN = [
  'templates',
  'media',
  'catalog',
  'orders',
  'deliveries',
  'payments',
  'messaging',
  'whatsapp',
  'bot',
  'broadcasts',
  'webhooks',
  'realtime',
];
const EDGES = [
  ['orders', 'catalog', 'an order reserves stock in its own transaction'],
  ['orders', 'deliveries', 'a confirmed order and its delivery task are one commit'],
  ['orders', 'payments', 'an order is confirmed, held and ended together with what was paid for it'],
  ['deliveries', 'media', 'a driver photographs what was handed over'],
  ['whatsapp', 'messaging', 'transports store what arrives and know channels by the store'],
  ['whatsapp', 'templates', 'who writes to a customer whose window is closed is told which templates there are'],
  ['catalog', 'media', 'a product shows its pictures'],
  ['whatsapp', 'media', 'transports hand files over, and store those that customers send'],
  ['bot', 'messaging', 'the bot takes unanswered messages and queues its replies'],
  ['bot', 'catalog', 'the bot shows what can be bought'],
  ['bot', 'orders', 'a confirmed conversation places an order in the transaction of its reply'],
  ['bot', 'deliveries', 'the customer is told the code and the link of the driver who has set out'],
  ['bot', 'media', 'a photo that a driver writes proves a delivery, as the test of it shows'],
  ['bot', 'payments', 'the bot asks how a customer pays, and tells where'],
  ['bot', 'templates', 'news of orders are written by template'],
  ['bot', 'broadcasts', 'owners and agents start and stop broadcasts from their phones, in the transaction of the answer'],
  ['broadcasts', 'messaging', 'a broadcast queues messages, and takes back those that have not left'],
  ['broadcasts', 'templates', 'each message of a broadcast is made of a template, in the language of its customer'],
];
const LAYERS = [
  ['common'],
  ['contracts', 'config'],
  ['database', 'observability'],
  ['dead-letters', 'inbound'],
  ['queues', 'limits'],
  ['audit', 'identity'],
  DOMAIN,
];

const lib = (names) => `^libs/(${names.join('|')})/`;
const below = LAYERS.flatMap((layer, depth) => {
  const above = LAYERS.slice(depth + 1).flat();
  return above.length > 0
    ? [
        {
          name: `${layer.join('-')}-imports-downwards-only`,
          severity: 'error',
          from: { path: lib(layer) },
          to: { path: lib(above) },
        },
      ]
    : [];
});
const between = DOMAIN.map((name) => {
  const allowed = [name, ...EDGES.filter(([from]) => from === name).map(([, to]) => to)];
  return {
    name: `${name}-knows-only-its-listed-neighbours`,
    severity: 'error',
    from: { path: lib([name]) },
    to: { path: lib(DOMAIN.filter((other) => !allowed.includes(other))) },
  };
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    ...below,
    ...between,
    {
      name: 'only-the-index-of-a-lib',
      severity: 'error',
      from: { path: '^(?:apps|libs)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/src/(?!index\\.ts$)', pathNot: '^libs/$1/' },
    },
    {
      name: 'apps-stay-apart',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    { name: 'libs-know-no-app', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^(apps|libs/(?!testing))', pathNot: '(spec|fixture)\\.ts$' },
      to: { path: '^libs/testing/' },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependencies-in-production',
      severity: 'error',
      from: { path: '^(apps|libs/(?!testing))', pathNot: '(spec|fixture)\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '@types/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|apps/api/public)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
