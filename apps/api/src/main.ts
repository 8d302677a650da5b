import 'reflect-metadata';
import { Settings } from '@soko/config';
import { runApp } from '@soko/observability';
import { createApi } from './bootstrap.js';

await runApp(async () => {
  const app = await createApi();
  const { PORT, HOST } = app.get(Settings);
  await app.listen(PORT, HOST);
  return app;
});
