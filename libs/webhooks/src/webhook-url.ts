/**
 * From 1024 on: where Fetch does not speak HTTP (https://fetch.spec.whatwg.org/#port-blocking), and where databases, queues and the
 * machinery of clusters listen, which take a request for their own commands or answer everybody.
 */
const NOT_FOR_WEB = new Set([
  1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 5900,
  6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042, 9092, 9200, 9300, 10080, 10250, 11211, 27017,
]);

/**
 * What speaks against a URL as it is written. Ports: 80, 443, and those from 1024 on that belong to no other kind of service.
 * @param port as in a URL: empty for the scheme's own.
 */
export function unfitness(
  { protocol, port }: { protocol: string; port: string },
  httpsOnly: boolean,
): 'https' | 'port' | undefined {
  if (httpsOnly && protocol !== 'https:') return 'https';
  const number = Number(port);
  if (port === '' || number === 80 || number === 443 || (number >= 1024 && !NOT_FOR_WEB.has(number))) return undefined;
  return 'port';
}
