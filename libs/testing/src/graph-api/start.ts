import { control } from './control.js';
import { GraphApi } from './graph-api.js';

export interface GraphApiOptions {
  /** A free one when left out. */
  port?: number;
  /** Of the faults, and of the order of webhooks. */
  seed?: number;
  /** Serves `/_mock/`, by which another process says what is to happen. */
  control?: boolean;
}

/** Starts a server that answers as Meta's Graph API does, on the loopback interface only. */
export async function startGraphApi({
  port = 0,
  seed = 1,
  control: controlled = false,
}: GraphApiOptions = {}): Promise<GraphApi> {
  const graph = new GraphApi(seed, controlled ? control : undefined);
  await graph.listen(port);
  return graph;
}
