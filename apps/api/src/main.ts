import 'reflect-metadata';
import { Settings } from '@soko/config';
import { runApp } from '@soko/observability';

await runApp(async () => {
  // Imported here, because modules read the settings when they load, and a bad setting shall be one clear line.
  const { createApi } = await import('./bootstrap.js');
  const app = await createApi();
  const { PORT, HOST } = app.get(Settings);
  await app.listen(PORT, HOST);
  return app;
});
